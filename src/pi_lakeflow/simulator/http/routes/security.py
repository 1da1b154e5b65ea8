"""Rights, security entries, identities and mappings: the reading half of AF security."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.dispatch import dispatch
from pi_lakeflow.simulator.http.errors import ApiError, not_found, path_not_found
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Answer, Handler, Router
from pi_lakeflow.simulator.world.security import RIGHTS, Identity, Mapping, Security

from .points import mask_pattern

# Controllers whose objects can be secured (the vendor's description of 2018 SP1)
SECURED = (
    *("analyses", "analysiscategories", "analysistemplates", "assetdatabases", "assetservers"),
    *("attributecategories", "elementcategories", "elements", "elementtemplates", "enumerationsets"),
    *("eventframes", "notificationcontacttemplates", "notificationrules", "notificationruletemplates"),
    *("securityidentities", "securitymappings", "tablecategories", "tables"),
)
T = TypeVar("T", Identity, Mapping)
_IDENTITIES, _MAPPINGS = "securityidentities", "securitymappings"


def register(router: Router) -> None:
    for controller in SECURED:
        router.get(f"/{controller}/{{webId}}/security")(_of_owner(controller, rights))
        router.get(f"/{controller}/{{webId}}/securityentries")(_of_owner(controller, entries))
        router.get(f"/{controller}/{{webId}}/securityentries/{{name}}")(_of_owner(controller, entry))
    router.get("/securityidentities")(identity_by_path)
    router.get("/securityidentities/{webId}")(identity)
    router.get("/securityidentities/{webId}/securitymappings")(mappings_of_identity)
    router.get("/securitymappings")(mapping_by_path)
    router.get("/securitymappings/{webId}")(mapping)
    router.get("/assetservers/{webId}/securityidentities")(_of_owner("assetservers", identities))
    router.get("/assetservers/{webId}/securitymappings")(_of_owner("assetservers", mappings))


def _of_owner(controller: str, handler: Handler) -> Handler:
    """The handler, once the object itself was found; else the answer that the object's route gives."""

    async def checked(call: Call) -> Answer:
        path = f"/{controller}/{quote(call.match['webId'], safe='')}"
        found, _ = await dispatch(call.sub_call("GET", call.link(path), call.headers, b""))
        return await handler(call) if found.status == 200 else found

    return checked


async def rights(call: Call) -> Reply:
    """What each ``userIdentity`` may do; not for anonymous users."""
    if call.user == "anonymous":
        raise ApiError(409, "The operation is not supported for anonymous users.", generic=True)
    call.required("userIdentity")
    items = call.texts("securityItem") or ["Default"]
    accounts = call.texts("userIdentity")
    return call.reply({"Links": {}, "Items": [_rights(call, a, item) for a in accounts for item in items]})


def _rights(call: Call, account: str, item: str) -> dict[str, Any]:
    allowed = call.sim.world.part(Security).rights_of(account)
    can = {f"Can{right}": right in allowed for right in RIGHTS if right != "Admin"}
    return {
        "OwnerWebId": call.match["webId"],
        "SecurityItem": item,
        "UserIdentity": account,
        **can,
        "HasAdmin": "Admin" in allowed,
        "Rights": allowed,
        "Links": {
            "Self": call.link(f"{call.path}?userIdentity={quote(account)}&securityItem={quote(item)}"),
            "Owner": call.link(_owner(call)),
        },
    }


async def entries(call: Call) -> Reply:
    """One for each identity, with ``nameFilter``."""
    mask = mask_pattern(call.text("nameFilter") or "*")
    known = call.sim.world.part(Security).identities
    return call.reply({"Links": {}, "Items": [_entry(call, i) for i in known if mask.fullmatch(i.name)]})


async def entry(call: Call) -> Reply:
    """By name; ``*`` stands for the backslash of an account."""
    wanted = call.match["name"].replace("*", "\\").casefold()
    for known in call.sim.world.part(Security).identities:
        if known.name.casefold() == wanted:
            return call.reply(_entry(call, known))
    raise not_found("Security Entry")


def _owner(call: Call) -> str:
    return "/".join(call.path.split("/")[:3])


def _entry(call: Call, known: Identity) -> dict[str, Any]:
    return {
        "Name": known.name,
        "SecurityIdentityName": known.name,
        "AllowRights": list(known.allowed),
        "DenyRights": [right for right in RIGHTS if right not in known.allowed],
        "Links": {
            "Self": call.link(f"{_owner(call)}/securityentries/{quote(known.name)}"),
            "SecurableObject": call.link(_owner(call)),
            "SecurityIdentity": call.link(f"/{_IDENTITIES}/{_webid(call, known)}"),
        },
    }


async def identities(call: Call) -> Reply:
    """All, those that ``query`` finds, or those of the account ``userIdentity``."""
    security = call.sim.world.part(Security)
    known = security.identities
    if call.given("userIdentity"):
        known = tuple(security.identities_of(call.text("userIdentity")))
    return _list(call, known, _identity)


async def mappings(call: Call) -> Reply:
    return _list(call, call.sim.world.part(Security).mappings, _mapping)


async def identity(call: Call) -> Reply:
    return call.reply(_identity(call, _found(call, call.sim.world.part(Security).identities)))


async def mapping(call: Call) -> Reply:
    return call.reply(_mapping(call, _found(call, call.sim.world.part(Security).mappings)))


async def identity_by_path(call: Call) -> Reply:
    return call.reply(_identity(call, _at_path(call, call.sim.world.part(Security).identities)))


async def mapping_by_path(call: Call) -> Reply:
    return call.reply(_mapping(call, _at_path(call, call.sim.world.part(Security).mappings)))


async def mappings_of_identity(call: Call) -> Reply:
    security = call.sim.world.part(Security)
    owner = _found(call, security.identities)
    items = [_mapping(call, m) for m in security.mappings if m.identity == owner]
    return call.reply({"Links": {}, "Items": items})


def _found(call: Call, known: Sequence[T]) -> T:
    """The object of the ``webId`` in the path."""
    item = call.parse_webid(call.match["webId"])
    for each in known:
        by_path = item.object is None and (item.path or "").casefold() == each.path.casefold()
        if item.marker == each.marker and (item.object == each.guid or by_path):
            return each
    raise not_found("Security Identity" if known[0].marker == "SI" else "Security Mapping")


def _at_path(call: Call, known: Sequence[T]) -> T:
    wanted = call.required("path").casefold()
    for each in known:
        if each.path.casefold() == wanted:
            return each
    raise path_not_found()


def _list(call: Call, known: Sequence[T], shown: Callable[[Call, T], dict[str, Any]]) -> Reply:
    """``query`` is a mask for ``field``, which is the name, the description or the account."""
    field = call.text("field", "Name").casefold()
    mask = mask_pattern(call.text("query") or "*")
    items = [shown(call, each) for each in known]
    folded = [({name.casefold(): value for name, value in item.items()}, item) for item in items]
    order = call.text("sortField", "Name").casefold()
    folded.sort(key=lambda pair: str(pair[0].get(order, "")).casefold())
    kept = [item for by_name, item in folded if mask.fullmatch(str(by_name.get(field, "")))]
    kept = kept[::-1] if call.text("sortOrder").casefold() == "descending" else kept
    return call.reply({"Links": {}, "Items": kept[: call.integer("maxCount", 1000)]})


def _webid(call: Call, item: Identity | Mapping) -> str:
    return quote(call.sim.world.part(Security).assets.webid(item, call.web_id_type))


def _server(call: Call) -> str:
    security = call.sim.world.part(Security)
    return call.link(f"/assetservers/{quote(security.assets.webid(security.server, call.web_id_type))}")


def _identity(call: Call, known: Identity) -> dict[str, Any]:
    web_id = _webid(call, known)
    root = call.link(f"/{_IDENTITIES}/{web_id}")
    return {
        "WebId": web_id,
        "Id": str(known.guid),
        "Name": known.name,
        "Description": known.description,
        "Path": known.path,
        "IsEnabled": True,
        "Links": {
            "Self": root,
            "AssetServer": _server(call),
            "SecurityMappings": f"{root}/securitymappings",
            "Security": f"{root}/security",
            "SecurityEntries": f"{root}/securityentries",
        },
    }


def _mapping(call: Call, known: Mapping) -> dict[str, Any]:
    web_id = _webid(call, known)
    root = call.link(f"/{_MAPPINGS}/{web_id}")
    owner = _webid(call, known.identity)
    return {
        "WebId": web_id,
        "Id": str(known.guid),
        "Name": known.name,
        "Description": "",
        "Path": known.path,
        "Account": known.account,
        "SecurityIdentityWebId": owner,
        "Links": {
            "Self": root,
            "AssetServer": _server(call),
            "SecurityIdentity": call.link(f"/{_IDENTITIES}/{owner}"),
            "Security": f"{root}/security",
            "SecurityEntries": f"{root}/securityentries",
        },
    }
