"""A naive client for the tests of the simulator, and worlds that stand still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pyarrow as pa

from pi_lakeflow.simulator import FixedClock, Simulator, SimulatorConfig, start_simulator

NOW = int(datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000


def config(**changes: Any) -> SimulatorConfig:
    """A small odd world whose clock stands still."""
    start = datetime(2026, 3, 20, tzinfo=UTC)
    return SimulatorConfig(**{"tags": 40, "clock": FixedClock(NOW), "start": start, **changes})


@dataclass
class Client:
    """No retries, no checks, five seconds of patience."""

    sim: Simulator
    session: aiohttp.ClientSession

    async def get(self, path: str, /, **query: Any) -> Any:
        """The JSON of a 200 or 207."""
        status, body = await self.status(path, **query)
        assert status in (200, 207), body
        return body

    async def status(self, path: str, /, **query: Any) -> tuple[int, Any]:
        """The status and the JSON (None for another type)."""
        async with self.session.get(self.sim.url + path, params=query) as response:
            json = "json" in response.headers.get("Content-Type", "")
            return response.status, await response.json() if json else None

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        """To the API."""
        headers = headers or {"X-Requested-With": "test"}
        async with self.session.post(self.sim.url + path, json=body, headers=headers) as response:
            return response.status, await response.json()

    async def control(self, name: str, body: Any) -> tuple[int, Any]:
        """To the control route."""
        root = self.sim.url.removesuffix("/piwebapi")
        async with self.session.post(f"{root}/simulator/{name}", json=body) as response:
            return response.status, await response.json()

    def id(self, index: int = 0) -> str:
        """The WebId of a tag."""
        return self.sim.world.webid(self.sim.world.tag(index))

    async def recorded(self, web_id: str, start: int, end: int, **query: Any) -> list[dict[str, Any]]:
        """The items of one call; the range is in microseconds."""
        times = {"startTime": iso(start), "endTime": iso(end)}
        return list((await self.get(f"/streams/{web_id}/recorded", **times, **query))["Items"])


@asynccontextmanager
async def simulated(**changes: Any) -> AsyncIterator[Client]:
    """A server and a client of it."""
    timeout = aiohttp.ClientTimeout(total=5)
    async with start_simulator(config(**changes)) as sim, aiohttp.ClientSession(timeout=timeout) as session:
        yield Client(sim, session)


def iso(micros: int) -> str:
    """The text of a time with all digits."""
    whole, rest = divmod(micros, 1_000_000)
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:06d}Z"


def micros_of(text: str) -> int:
    """The reverse, with any number of digits; ticks below a microsecond are cut."""
    main, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(main + "+00:00").timestamp())
    return seconds * 1_000_000 + int(fraction[:6].ljust(6, "0") or 0)


def rows_of(items: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Time, number, text, state code and flags, read in the plainest way."""
    rows = []
    for item in items:
        value = item["Value"]
        number = text = code = None
        if isinstance(value, dict):
            text, code = value["Name"], value["Value"]
        elif isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, str):
            text = value
        elif value is not None:
            number = float(value)
            if isinstance(value, int) and abs(value) > 2**53:
                text = str(value)
        flags = tuple(item[name] for name in ("Good", "Questionable", "Substituted", "Annotated"))
        rows.append((micros_of(item["Timestamp"]), number, text, code, *flags))
    return rows


def rows_of_truth(table: pa.Table) -> list[tuple[Any, ...]]:
    """The same of a table of the truth."""
    names = ("value", "value_text", "state_code", "good", "questionable", "substituted", "annotated")
    columns = [table["timestamp"].cast(pa.int64()).to_pylist(), *(table[n].to_pylist() for n in names)]
    return list(zip(*columns, strict=True))
