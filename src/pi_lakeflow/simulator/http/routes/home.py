"""The root and ``/system``."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.http.versions import title_of
from pi_lakeflow.simulator.world import ticks as t

_SID = "S-1-5-21-2083424470-1893017325-1469799231-71366"


def register(router: Router) -> None:
    router.get("/")(home)
    router.get("/system")(system)
    router.get("/system/versions")(versions)
    router.get("/system/status")(status)
    router.get("/system/userinfo")(user_info)
    router.get("/system/configuration")(configuration)
    router.get("/system/configuration/{key}")(configuration_item)
    router.get("/system/cacheinstances")(cache_instances)


async def home(call: Call) -> Reply:
    links = {
        "Self": call.link("/"),
        "AssetServers": call.link("/assetservers"),
        "DataServers": call.link("/dataservers"),
        "System": call.link("/system"),
    }
    return call.reply({"Links": links})


async def system(call: Call) -> Reply:
    version = call.sim.version
    names = ("CacheInstances", "Configuration", "Status", "UserInfo", "Versions")
    links = {"Self": call.link("/system")}
    links |= {name: call.link(f"/system/{name.lower()}") for name in names}
    return call.reply({"ProductTitle": title_of(version), "ProductVersion": version, "Links": links})


async def versions(call: Call) -> Reply:
    full = call.sim.version
    major = ".".join(full.split(".")[:2])
    entry = {"FullVersion": full, "MajorMinorRevision": major, "Build": full.split(".")[-1]}
    return call.reply({"OSIsoft.PIDevices.WebApi": entry, "OSIsoft.REST.Core": entry})


async def status(call: Call) -> Reply:
    minutes = (call.now - call.sim.started) / t.MINUTE
    return call.reply(
        {
            "UpTimeInMinutes": round(minutes, 3),
            "State": "Running",
            "CacheInstances": 1,
            "ServerTime": t.to_text(call.now),
        }
    )


async def user_info(call: Call) -> Reply:
    if call.user == "anonymous":
        return Reply(204)
    return call.reply(
        {
            "IdentityType": "WindowsIdentity",
            "Name": call.user,
            "IsAuthenticated": True,
            "SID": _SID,
            "ImpersonationLevel": "None",
        }
    )


async def configuration(call: Call) -> Reply:
    return call.reply(dict(call.sim.configuration))


async def configuration_item(call: Call) -> Reply:
    for key, value in call.sim.configuration.items():
        if key.casefold() == call.match["key"].casefold():
            return call.reply({key: value})
    raise ApiError(404, "The configuration item was not found.", generic=True)


async def cache_instances(call: Call) -> Reply:
    day = call.now // t.DAY * t.DAY
    item: dict[str, Any] = {
        "Id": str(call.sim.instance),
        "LastRefreshTime": t.to_text(day),
        "WillRefreshAfter": t.to_text(day + 5 * t.MINUTE),
        "ScheduledExpirationTime": t.to_text(day + 15 * t.MINUTE),
    }
    if call.sim.since(1, 18):
        windows = call.user != "anonymous"
        item |= {"UserName": call.user, "UserId": _SID, "IsWindowsIdentity": windows}
    else:
        item["User"] = call.user
    return call.reply({"Links": {}, "Items": [item]})
