"""Data servers, their points and their digital sets."""

from __future__ import annotations

import pyarrow as pa

from pi_lakeflow.historians.pi.assets.columns import base
from pi_lakeflow.historians.pi.assets.fields import asset_table, field

_INT, _FLAG, _NUMBER = pa.int32(), pa.bool_(), pa.float64()
_SERVER = (
    field("data_server_webid", "@data_servers.WebId", "WebId of the data server."),
    field("data_server", "@data_servers.Name", "Name of the data server."),
)

PI_DATA_SERVERS = asset_table(
    "pi_data_servers",
    "The PI Data Archives that PI Web API knows.",
    "data_servers",
    field("data_server_webid", "WebId", "WebId of the data server (type IDOnly).", key=True),
    field("data_server_guid", "Id", "GUID of the data server."),
    field("data_server", "Name", "Name of the data server."),
    field("path", "Path", "Path of the data server."),
    field("server_version", "ServerVersion", "Version of the Data Archive."),
    field("is_connected", "IsConnected", "Whether PI Web API reaches it.", _FLAG),
    key=("data_server_webid",),
)

PI_POINTS = asset_table(
    "pi_points",
    "The PI points of the data servers.",
    "points",
    field("tag_webid", "WebId", "WebId of the point (type IDOnly: it survives a rename).", key=True),
    field("tag_name", "Name", "Name of the point."),
    field("point_id", "Id", "Number of the point on its server.", pa.int64()),
    field("path", "Path", "`\\\\server\\tag`."),
    field("descriptor", "Descriptor", "Descriptor."),
    field("point_class", "PointClass", "Point class, such as classic."),
    field("point_type", "PointType", "Float64, Int32, Digital, String, ..."),
    field("digital_set", "DigitalSetName", "State set of a digital point."),
    field("engineering_units", "EngineeringUnits", "Engineering units."),
    field("zero", "Zero", "Low end of the usual range.", _NUMBER),
    field("span", "Span", "Width of the usual range.", _NUMBER),
    field("step", "Step", "Values hold until the next one.", _FLAG),
    field("future", "Future", "Whether it takes future data.", _FLAG),
    field("display_digits", "DisplayDigits", "How many digits to show.", _INT),
    *_SERVER,
    key=("tag_webid",),
)

PI_POINT_ATTRIBUTES = asset_table(
    "pi_point_attributes",
    "All attributes of the points, such as `compdev` and `excmax`. Costs a request for each point, a "
    "hundred in a batch: read only with `assets.point_attributes`.",
    "point_attributes",
    field("tag_webid", "@points.WebId", "WebId of the point.", key=True),
    field("attribute", "Name", "Name of the attribute.", key=True),
    field("value", "Value", "Its value, as text."),
    field("value_number", "Value", "Its value, when it is a number.", _NUMBER),
    key=("tag_webid", "attribute"),
)

PI_DIGITAL_SETS = asset_table(
    "pi_digital_sets",
    "The digital state sets of the data servers.",
    "digital_sets",
    *(each for each in base("set", "set") if each.column.name != "description"),
    field("path", "Path", "Path of the set."),
    *_SERVER,
    key=("set_webid",),
)

PI_DIGITAL_STATES = asset_table(
    "pi_digital_states",
    "The states of digital sets.",
    "digital_states",
    field("state_webid", "WebId", "WebId of the state (type IDOnly).", key=True),
    field("state_name", "Name", "Name of the state: `value_text` of `pi_timeseries`."),
    field("state_code", "Value", "Code of the state: `state_code` of `pi_timeseries`.", _INT),
    field("set_webid", "@digital_sets.WebId", "WebId of the set."),
    field("set_name", "@digital_sets.Name", "Name of the set."),
    key=("state_webid",),
)
