"""Stream Updates: registration, polls, markers, and how registrations end."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import itertools

from naive import HOUR, NOW, Client, micros_of, simulated

from pi_lakeflow.simulator import Live, NewEvent, Oddities

PLAIN = {"oddities": Oddities.none(), "tags": 5}
REGISTERED = {"X-Requested-With": "test"}


async def register(c: Client, path: str) -> tuple[int, str, Any]:
    async with c.session.post(c.sim.url + path, headers=REGISTERED) as response:
        return response.status, response.headers.get("Location", ""), await response.json()


async def poll(c: Client, location: str) -> tuple[int, str, Any]:
    async with c.session.get(location) as response:
        return response.status, response.headers.get("Location", ""), await response.json()


def times(events: list[dict[str, Any]]) -> list[int]:
    return [micros_of(event["Timestamp"]) for event in events]


async def test_a_poll_brings_what_time_brought_and_only_that() -> None:
    """Archived events among live ones, in order; each names what became of the one before it."""
    async with simulated(**PLAIN) as c:
        tag = c.sim.world.tag(0)
        status, location, body = await register(c, f"/streams/{c.id()}/updates")
        assert status == 200
        assert body["Status"] == "Succeeded"
        assert location.endswith(f"/streams/updates/{body['LatestMarker']}")
        _, location, none = await poll(c, location)
        assert none["Events"] == []
        c.sim.world.clock.advance(HOUR)
        _, location, one = await poll(c, location)
        _, _, again = await poll(c, location)
        events = one["Events"]
        assert one["Status"] == "Updated"
        assert again["Events"] == []
        archived = set(c.sim.world.truth(tag, NOW, NOW + HOUR + 1)["timestamp"].cast("int64").to_pylist())
        assert archived < set(times(events))
        assert times(events) == sorted(times(events))
        for event, following in itertools.pairwise(events):
            kept = micros_of(event["Timestamp"]) in archived
            expected = "PreviousEventArchived" if kept else "PreviousEventDiscarded"
            assert following["PreviousEventAction"] == expected
            assert following["Action"] == "Add"
        assert one["LatestMarker"] == f"{one['RequestedMarker'].rpartition('_')[0]}_{len(events)}"


async def test_late_edited_and_deleted_events_are_told() -> None:
    async with simulated(**PLAIN) as c:
        world, tag = c.sim.world, c.sim.world.tag(0)
        old = world.truth(tag, NOW - 30 * HOUR, NOW)["timestamp"].cast("int64").to_pylist()
        _, location, _ = await register(c, f"/streams/{c.id()}/updates")
        world.late_events(tag, [NewEvent(NOW - 24 * HOUR + 7, 1.5)])
        world.edit_event(tag, NewEvent(old[3], 2.5))
        world.delete_events(tag, old[5], old[5] + 1)
        world.delete_events(tag, old[9], 0, nth=0)
        world.edit_event(tag, NewEvent(old[9], 7.0))  # nothing is there any more
        _, _, body = await poll(c, location)
        told = [(e["Action"], micros_of(e["Timestamp"]), e["Substituted"]) for e in body["Events"]]
        assert told == [
            ("Insert", NOW - 24 * HOUR + 7, False),
            ("Update", old[3], True),
            ("Delete", old[5], False),
            ("Delete", old[9], False),
        ]
        assert [e["Value"] for e in body["Events"][:2]] == [1.5, 2.5]


async def test_a_value_newer_than_all_others_is_an_add() -> None:
    async with simulated(**PLAIN) as c:
        _, location, _ = await register(c, f"/streams/{c.id()}/updates")
        c.sim.world.late_events(c.sim.world.tag(0), [NewEvent(NOW, 4.5)])
        _, _, body = await poll(c, location)
        assert [(e["Action"], e["Value"]) for e in body["Events"]] == [("Add", 4.5)]


async def test_streamsets_and_selected_fields() -> None:
    async with simulated(**PLAIN) as c:
        ids = "&".join(f"webId={c.id(i)}" for i in range(3))
        fields = "selectedFields=Items.LatestMarker;Items.Events.Value;Items.Status"
        _, location, body = await register(c, f"/streamsets/updates?{ids}&{fields}")
        assert [sorted(item) for item in body["Items"]] == [["LatestMarker", "Status"]] * 3
        c.sim.world.clock.advance(HOUR)
        _, _, news = await poll(c, location)
        assert len(news["Items"]) == 3
        assert all(set(event) == {"Value"} for item in news["Items"] for event in item["Events"])
        assert all(item["Events"] for item in news["Items"])


async def test_the_second_registration_joins_the_first() -> None:
    async with simulated(**PLAIN) as c:
        _, _, first = await register(c, f"/streams/{c.id()}/updates")
        _, _, second = await register(c, f"/streams/{c.id()}/updates")
        assert second["Status"] == "AlreadyRegistered"
        assert second["LatestMarker"] == first["LatestMarker"]


async def test_an_old_marker_reads_again_and_answers_are_capped() -> None:
    async with simulated(**PLAIN, live=Live(updates_per_poll=10)) as c:
        _, location, _ = await register(c, f"/streams/{c.id()}/updates")
        c.sim.world.clock.advance(HOUR)
        _, following, one = await poll(c, location)
        _, _, same = await poll(c, location)
        _, _, more = await poll(c, following)
        assert len(one["Events"]) == 10
        assert one == same
        assert times(more["Events"])[0] >= times(one["Events"])[-1]


async def test_registrations_end() -> None:
    """Unused for too long, or at a restart: no cache. A wrong marker is another error."""
    async with simulated(**PLAIN, live=Live(updates_lifetime=0.2)) as c:
        _, location, _ = await register(c, f"/streams/{c.id()}/updates")
        assert (await poll(c, location + "7"))[0] == 409
        assert (await poll(c, c.sim.url + "/streams/updates/nonsense"))[0] == 409
        await asyncio.sleep(0.3)
        status, _, body = await poll(c, location)
        assert status == 404
        assert body["Errors"][0].startswith("Cache not found")
        _, location, _ = await register(c, f"/streams/{c.id()}/updates")
        await c.control("restart", {})
        assert (await poll(c, location))[0] == 404


async def test_signup_exceptions_end_the_registration() -> None:
    async with simulated(**PLAIN) as c:
        _, location, _ = await register(c, f"/streams/{c.id()}/updates")
        await c.control("invalidate-updates", {"tag": c.sim.world.tag(0).name})
        _, following, body = await poll(c, location)
        text = "The signup was updated and any cached data could be invalid."
        assert body["Exception"]["Errors"] == [text]
        assert (await poll(c, following))[0] == 404
        _, location, _ = await register(c, f"/streams/{c.id(1)}/updates")
        c.sim.world.delete_tag(c.sim.world.tag(1))
        _, _, body = await poll(c, location)
        text = "The signup was removed because it is no longer valid."
        assert body["Exception"]["Errors"] == [text]


@pytest.mark.parametrize("all_fail", [False, True])
async def test_one_lost_registration_in_a_set(all_fail: bool) -> None:
    async with simulated(**PLAIN, live=Live(one_failed_poll_fails_all=all_fail)) as c:
        ids = "&".join(f"webId={c.id(i)}" for i in range(2))
        _, location, _ = await register(c, f"/streamsets/updates?{ids}")
        status, _, body = await poll(c, location + "&marker=" + "0" * 32 + "_0")
        if all_fail:
            assert status == 404
        else:
            assert [item["Status"] for item in body["Items"]] == ["Updated", "Updated", "Failed"]


async def test_an_older_server_has_no_updates() -> None:
    async with simulated(**PLAIN, version="1.10.0.0") as c:
        status, _, _ = await register(c, f"/streams/{c.id()}/updates")
        assert status == 404
