"""Values written by clients: update options, statuses, and that whoever listens hears of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, Client, iso, simulated

from pi_lakeflow.simulator import Oddities

PLAIN = {"oddities": Oddities.none(), "tags": 5}
HEADERS = {"X-Requested-With": "test"}
AT = NOW - HOUR + 3


async def send(c: Client, method: str, path: str, body: Any) -> tuple[int, dict[str, str], Any]:
    async with c.session.request(method, c.sim.url + path, json=body, headers=HEADERS) as response:
        return (
            response.status,
            dict(response.headers),
            await response.json() if response.status != 204 else None,
        )


async def values_at(c: Client, moment: int, index: int = 0) -> list[Any]:
    items = await c.recorded(c.id(index), moment, moment)
    return [item["Value"] for item in items]


@pytest.mark.parametrize(
    ("option", "empty", "there"),
    [
        ("Replace", [2.0], [2.0]),
        ("Insert", [2.0], [1.0, 2.0]),
        ("InsertNoCompression", [2.0], [1.0, 2.0]),
        ("NoReplace", [2.0], [1.0]),
        ("ReplaceOnly", [], [2.0]),
        ("Remove", [], []),
    ],
)
async def test_update_options(option: str, empty: list[float], there: list[float]) -> None:
    async with simulated(**PLAIN) as c:
        path = f"/streams/{c.id()}/value?updateOption={option}"
        status, headers, _ = await send(c, "POST", path, {"Timestamp": iso(AT), "Value": 2.0})
        assert status == 204
        assert "/value?time=" in headers["Location"]
        assert await values_at(c, AT) == empty
        other = AT + 7
        await send(c, "POST", f"/streams/{c.id()}/value", {"Timestamp": iso(other), "Value": 1.0})
        await send(c, "PUT", path, {"Timestamp": iso(other), "Value": 2.0})
        assert await values_at(c, other) == there


async def test_a_replaced_value_is_substituted_and_the_journal_knows() -> None:
    async with simulated(**PLAIN) as c:
        for value in (1.0, 2.0):
            await send(c, "POST", f"/streams/{c.id()}/value", {"Timestamp": iso(AT), "Value": value})
        items = await c.recorded(c.id(), AT, AT)
        assert items[0]["Substituted"] is True
        assert [change.action for change in c.sim.world.archive.journal] == ["insert", "replace"]


async def test_a_buffered_value_is_accepted() -> None:
    async with simulated(**PLAIN) as c:
        path = f"/streams/{c.id()}/value?bufferOption=Buffer"
        status, _, _ = await send(c, "POST", path, {"Value": 2.0})
        assert status == 202


async def test_many_values_and_what_is_refused() -> None:
    async with simulated(**PLAIN) as c:
        good = [{"Timestamp": iso(AT + n), "Value": float(n)} for n in range(3)]
        path = f"/streams/{c.id()}/recorded"
        assert (await send(c, "POST", path, good))[0] == 204
        assert await values_at(c, AT + 2) == [2.0]
        bad = [
            {"Timestamp": iso(AT + 9), "Value": 9.0},
            {"Timestamp": "nonsense", "Value": 1.0},
            {"Timestamp": iso(AT), "Value": "abc"},
            {"Timestamp": iso(NOW + HOUR), "Value": 1.0},
            {"Timestamp": iso(AT + 8), "Value": {"Name": "Shutdown", "Value": 254, "IsSystem": True}},
        ]
        status, _, body = await send(c, "POST", path, bad)
        assert status == 207
        assert [item["Substatus"] for item in body["Items"]] == [204, 400, 400, 400, 204]
        assert (await values_at(c, AT + 8))[0]["Name"] == "Shutdown"
        assert (await send(c, "POST", path, {"no": "list"}))[0] == 400


async def test_several_streams() -> None:
    async with simulated(**PLAIN) as c:
        one = [{"WebId": c.id(n), "Value": {"Timestamp": iso(AT), "Value": float(n)}} for n in range(2)]
        status, _, body = await send(c, "POST", "/streamsets/value", one)
        assert (status, [item["Substatus"] for item in body["Items"]]) == (200, [204, 204])
        many = [
            {"WebId": c.id(1), "Items": [{"Timestamp": iso(AT + 1), "Value": 5.0}]},
            {"WebId": "X", "Items": [{}]},
        ]
        status, _, body = await send(c, "POST", "/streamsets/recorded", many)
        assert status == 207
        assert [[leaf["Substatus"] for leaf in item["Items"]] for item in body["Items"]] == [[204], [400]]
        assert await values_at(c, AT + 1, 1) == [5.0]
