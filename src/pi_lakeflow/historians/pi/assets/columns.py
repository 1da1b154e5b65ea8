"""Columns that several tables have in common."""

from __future__ import annotations

from pi_lakeflow.historians.pi.assets.fields import Field, field

SERVER = field("server_name", "@asset_servers.Name", "Asset server.")
DATABASE = (
    field("database_webid", "@databases.WebId", "WebId of the asset database."),
    field("database_name", "@databases.Name", "Name of the asset database."),
)
PATH = field("path", "Path", "Path of the object.")


def base(prefix: str, what: str) -> tuple[Field, ...]:
    """What all AF objects have."""
    return (
        field(f"{prefix}_webid", "WebId", f"WebId of the {what} (type IDOnly).", key=True),
        field(f"{prefix}_guid", "Id", f"GUID of the {what} on its server."),
        field(f"{prefix}_name", "Name", f"Name of the {what}."),
        field("description", "Description", "Description."),
    )
