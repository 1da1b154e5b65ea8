"""Writes that change elements and attributes: how tests change the plant through the front door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from pi_lakeflow.simulator.http.assets.lookup import (
    attribute_of,
    database_of,
    element_of,
    refresh,
)
from pi_lakeflow.simulator.http.assets.traits import TRAITS
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Handler, Router
from pi_lakeflow.simulator.world.assets import (
    Assets,
    Attribute,
    AttributeDef,
    BadChange,
    Database,
    Element,
    Identified,
)

R = TypeVar("R")
_ELEMENT_FIELDS = {"Name": "name", "Description": "description", "TemplateName": "template"}
_ATTRIBUTE_FIELDS = {
    "Name": "name",
    "Description": "description",
    "Type": "type",
    "TypeQualifier": "qualifier",
    "DefaultUnitsName": "units",
    "DataReferencePlugIn": "reference",
    "ConfigString": "config",
    "TraitName": "trait",
    "IsHidden": "hidden",
    "IsConfigurationItem": "configuration_item",
    "IsManualDataEntry": "manual",
}
_KINDS: dict[str, tuple[type, ...]] = {
    "Double": (int, float),
    "Single": (int, float),
    "Int32": (int,),
    "Int64": (int,),
    "EnumerationValue": (int, dict),
    "Boolean": (bool,),
    "String": (str,),
    "DateTime": (str,),
}


def register(router: Router) -> None:
    router.post("/assetdatabases/{webId}/elements")(_new_element(database_of))
    router.post("/elements/{webId}/elements")(_new_element(element_of))
    router.on("PATCH", "/elements/{webId}")(change_element)
    router.on("DELETE", "/elements/{webId}")(delete_element)
    router.post("/elements/{webId}/attributes")(_new_attribute(element_of))
    router.post("/attributes/{webId}/attributes")(_new_attribute(attribute_of))
    router.on("PATCH", "/attributes/{webId}")(change_attribute)
    router.on("DELETE", "/attributes/{webId}")(delete_attribute)
    router.on("PUT", "/attributes/{webId}/value")(set_value)


def _live(call: Call) -> Assets:
    """Writes see what there is, whatever the user's cache says."""
    refresh(call)
    return call.sim.world.part(Assets)


def _tried(call: Call, change: Callable[[], R]) -> R:
    try:
        made = change()
    except BadChange as error:
        raise ApiError(400, str(error)) from None
    refresh(call)
    return made


def _body(call: Call) -> dict[str, Any]:
    try:
        return msgspec.json.decode(call.body, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise ApiError(400, "The request content is empty or invalid.", generic=True) from None


def _created(call: Call, controller: str, item: Identified) -> Reply:
    web_id = call.sim.world.part(Assets).webid(item, call.web_id_type)
    return Reply(201, (), {"Location": call.link(f"/{controller}/{web_id}")})


def _new_element(owner: Callable[[Call], Element | Database]) -> Handler:
    async def handler(call: Call) -> Reply:
        assets, body = _live(call), _body(call)
        made = _tried(
            call,
            lambda: assets.changes.create_element(
                owner(call),
                str(body.get("Name", "")),
                description=str(body.get("Description", "")),
                template=str(body.get("TemplateName", "")),
                categories=tuple(body.get("CategoryNames", ())),
            ),
        )
        return _created(call, "elements", made)

    return handler


async def change_element(call: Call) -> Reply:
    assets, body = _live(call), _body(call)
    values: dict[str, Any] = {field: body[name] for name, field in _ELEMENT_FIELDS.items() if name in body}
    if "CategoryNames" in body:
        values["categories"] = tuple(body["CategoryNames"])
    _tried(call, lambda: assets.changes.change_element(element_of(call), **values))
    return Reply(204)


async def delete_element(call: Call) -> Reply:
    assets = _live(call)
    _tried(call, lambda: assets.changes.remove_element(element_of(call)))
    return Reply(204)


def _new_attribute(owner: Callable[[Call], Element | Attribute]) -> Handler:
    async def handler(call: Call) -> Reply:
        assets, body = _live(call), _body(call)
        definition = AttributeDef(**{"name": "", **_attribute_values(body)})
        made = _tried(call, lambda: assets.changes.create_attribute(owner(call), definition))
        return _created(call, "attributes", made)

    return handler


def _attribute_values(body: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {field: body[name] for name, field in _ATTRIBUTE_FIELDS.items() if name in body}
    if "CategoryNames" in body:
        values["categories"] = tuple(body["CategoryNames"])
    if values.get("trait") and values["trait"] not in {trait.name for trait in TRAITS}:
        raise ApiError(400, f"The specified attribute trait '{values['trait']}' is not valid.")
    return values


async def change_attribute(call: Call) -> Reply:
    assets, values = _live(call), _attribute_values(_body(call))
    _tried(call, lambda: assets.changes.change_attribute(attribute_of(call), **values))
    return Reply(204)


async def delete_attribute(call: Call) -> Reply:
    assets = _live(call)
    _tried(call, lambda: assets.changes.remove_attribute(attribute_of(call)))
    return Reply(204)


async def set_value(call: Call) -> Reply:
    """``{"Value": ...}`` for an attribute without data reference; a value of another type is a 400."""
    assets, body = _live(call), _body(call)
    attribute = attribute_of(call)
    if attribute.definition.reference:
        raise ApiError(409, "The operation is not supported by the data reference of the attribute.")
    value = body.get("Value")
    wanted = _KINDS.get(attribute.definition.type, (object,))
    if (
        "Value" not in body
        or not isinstance(value, wanted)
        or (isinstance(value, bool) and bool not in wanted)
    ):
        raise ApiError(400, f"The value is not of the type {attribute.definition.type}.")
    if isinstance(value, dict):
        value = value.get("Value", 0)
    _tried(call, lambda: assets.changes.change_attribute(attribute, value=value))
    return Reply(204)
