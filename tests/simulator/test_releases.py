"""The version switch: what each release of PI Web API has and lacks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import Client, simulated

from pi_lakeflow.simulator import Auth
from pi_lakeflow.simulator.http.versions import RELEASES, number_of, title_of

RELEASED = ("2017 R2", "2018 SP1", "2021 SP3", "2023")


async def facts(c: Client) -> set[str]:
    """What a client can notice of a release."""
    point = await c.get(f"/points/{c.id()}")
    value = await c.get(f"/streams/{c.id()}/value")
    server = (await c.get("/dataservers"))["Items"][0]
    cache = (await c.get("/system/cacheinstances"))["Items"][0]
    noted = (await c.get(f"/streams/{c.id()}/recorded", associations="Annotations"))["Items"][0]
    rows = (await c.get("/streamsets/recorded", webId=c.id()))["Items"][0]["Items"]
    status, _ = await c.status("/points/search", query="*")
    register, _ = await c.post(f"/streams/{c.id()}/updates", None)
    found = {
        "point span": {"Span", "Zero", "DisplayDigits"} <= set(point),
        "annotated": "Annotated" in value and "Annotated" in rows[0],
        "annotations": "Annotations" in noted,
        "server time": "ServerTime" in server,
        "points search": status == 200,
        "updates": register == 200,
        "user name": "UserName" in cache,
        "user": "User" in cache,
    }
    return {name for name, there in found.items() if there}


@pytest.mark.parametrize("release", RELEASED)
async def test_a_release_has_what_came_until_then(release: str) -> None:
    since_2018 = {"point span", "annotated", "annotations", "server time", "updates"}
    wanted = {
        "2017 R2": {"user"},
        "2018 SP1": {"user", *since_2018},
        "2021 SP3": {"user", *since_2018, "points search"},
        "2023": {"user name", *since_2018, "points search"},
    }
    auth = Auth(methods=("anonymous",))
    async with simulated(version=release, auth=auth) as c:
        assert await facts(c) == wanted[release]
        told = await c.get("/system")
        assert told["ProductTitle"] == f"PI Web API {release}"
        assert told["ProductVersion"] == RELEASES[release]


def test_releases_have_names_and_numbers() -> None:
    assert number_of("2018sp1") == "1.11.1.5383"
    assert number_of("1.13.2") == "1.13.2"
    assert title_of("1.19.1.28") == "PI Web API 2023 SP1"
    with pytest.raises(ValueError, match="2018 SP1"):
        number_of("2030")
