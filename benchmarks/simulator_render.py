"""Events per second and core that the simulator renders as recorded JSON, first and again.

    python -m benchmarks.simulator_render [--quick]

No HTTP: what stands between the archive and the socket. ``first`` makes events and text, ``again``
finds what is cached, ``gzip`` compresses the bodies. Processor time, so that neighbours do not count.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from time import process_time

from pi_lakeflow.simulator import FixedClock, Oddities, Simulator, SimulatorConfig
from pi_lakeflow.simulator.__main__ import keep_memory
from pi_lakeflow.simulator.http.answers import gzip_body
from pi_lakeflow.simulator.http.fields import parse_fields
from pi_lakeflow.simulator.http.recorded import RecordedQuery
from pi_lakeflow.simulator.http.streams import PointStream
from pi_lakeflow.simulator.http.values import value_style
from pi_lakeflow.simulator.world import ticks as t

NOW = t.from_datetime(datetime(2026, 3, 1, tzinfo=UTC))
TAGS_OF_A_CALL = 50
WORLDS = {
    "uniform": {"uniform": True},
    "plain": {"oddities": Oddities.none()},
    "odd": {},
}
FIELDS = {"full": None, "reduced": "Items.Timestamp;Items.Value;Items.Good"}


def simulator(world: str, tags: int) -> Simulator:
    """About one event a minute and tag; no server listens."""
    return Simulator(SimulatorConfig(tags=tags, clock=FixedClock(NOW // t.MICRO), **WORLDS[world]))


def answers(sim: Simulator, fields: str | None) -> Iterator[tuple[int, bytes]]:
    """The last day of all tags, as the bodies of streamset calls: events and bytes."""
    query = RecordedQuery(
        first=NOW - t.DAY,
        last=NOW - 1,
        reverse=False,
        boundary="Inside",
        max_count=150_000,
        filter=None,
        include_filtered=False,
    )
    style = value_style(parse_fields([fields] if fields else []), ("items",))
    streams = [PointStream(sim.world, tag) for tag in sim.world.tags()]
    for place in range(0, len(streams), TAGS_OF_A_CALL):
        texts = [sim.text.recorded(s, query, style) for s in streams[place : place + TAGS_OF_A_CALL]]
        yield sum(text.count for text in texts), b"".join(c for text in texts for c in text.chunks)


def timed(sim: Simulator, fields: str | None) -> tuple[int, int, float]:
    """Events, bytes and seconds of one pass."""
    events = size = 0
    begun = process_time()
    for count, body in answers(sim, fields):
        events += count
        size += len(body)
    return events, size, process_time() - begun


def line(world: str, fields: str, tags: int) -> str:
    """One world and selection."""
    timed(simulator(world, TAGS_OF_A_CALL), FIELDS[fields])  # imports and tables
    sim = simulator(world, tags)
    events, size, first = timed(sim, FIELDS[fields])
    again = min(timed(sim, FIELDS[fields])[2] for _ in range(3))
    count, body = next(answers(sim, FIELDS[fields]))
    begun = process_time()
    packed = len(gzip_body(body, 1))
    zipped = process_time() - begun
    sim.close()
    rates = (events / first, events / again, count / zipped)
    shown = "".join(f"{rate / 1e6:>9.1f}" for rate in rates)
    return f"{world:9}{fields:9}{events:>11,}{size / events:>8.0f} B{shown}{len(body) / packed:>8.1f} x"


def main() -> None:
    """One line for each world and selection."""
    keep_memory()
    tags = 100 if "--quick" in sys.argv else 1_000
    print("                       events   an event  M/s: first    again     gzip   ratio")
    for world in WORLDS:
        for fields in FIELDS:
            print(line(world, fields, tags))


if __name__ == "__main__":
    main()
