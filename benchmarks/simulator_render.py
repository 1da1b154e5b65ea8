"""Events per second and core that the simulator renders as recorded JSON, cold and from its cache.

    python -m benchmarks.simulator_render [--quick]

A uniform world, no HTTP: what stands between the archive and the socket.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import process_time

from pi_lakeflow.simulator import FixedClock, Simulator, SimulatorConfig
from pi_lakeflow.simulator.http.recorded import RecordedQuery
from pi_lakeflow.simulator.http.streams import PointStream
from pi_lakeflow.simulator.http.values import value_style
from pi_lakeflow.simulator.http.wire import gzip_body
from pi_lakeflow.simulator.world import ticks as t

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def simulator(tags: int, days: int) -> Simulator:
    """One event a minute and tag; no server listens."""
    clock = FixedClock(t.from_datetime(NOW) // t.MICRO)
    start = NOW - timedelta(days=days + 1)
    return Simulator(SimulatorConfig(tags=tags, uniform=True, clock=clock, start=start))


def render_all(sim: Simulator, days: int) -> tuple[int, list[bytes]]:
    """Each tag's last days as one answer: how many events, and the bodies."""
    last = t.from_datetime(NOW)
    query = RecordedQuery(
        first=last - days * t.DAY,
        last=last - 1,
        reverse=False,
        boundary="Inside",
        max_count=150_000,
        filter=None,
        include_filtered=False,
    )
    style = value_style(None, ("items",))
    count, bodies = 0, []
    for tag in sim.world.tags():
        text = sim.text.recorded(PointStream(sim.world, tag), query, style)
        count += text.count
        bodies.append(b"".join(text.chunks))
    return count, bodies


def report(name: str, events: int, work: Callable[[], object], turns: int = 1) -> None:
    """Print one line; processor time, so that neighbours do not count."""
    begun = process_time()
    for _ in range(turns):
        work()
    seconds, done = process_time() - begun, events * turns
    print(f"{name:<22} {done:>12,} events {seconds:>7.2f} s {done / seconds:>14,.0f} events/s")


def main() -> None:
    """Cold (archive and text made), cached (text at hand), and gzip of the same bodies."""
    # must fit into the cache of rendered blocks (256 MB), or "cached" would be cold again
    tags, days = (5, 30) if "--quick" in sys.argv else (25, 30)
    report("first answer", 1440, lambda: render_all(simulator(1, 1), 1))
    warm = simulator(tags, days)
    report("cold", tags * days * 1440, lambda: render_all(warm, days))
    events, bodies = render_all(warm, days)
    report("cached", events, lambda: render_all(warm, days), 5)
    report("gzip", events, lambda: [gzip_body(body, 1) for body in bodies])
    print(f"{sum(map(len, bodies)) / events:.1f} bytes of JSON per event")
    warm.close()


if __name__ == "__main__":
    main()
