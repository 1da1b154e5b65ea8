"""``/health``, ``/status`` and ``/metrics`` of a running stream, for those who watch it.

- ``/health``: 200 while nothing is wrong, else 503; JSON with ``problems``.
- ``/status``: all counters and the lag of each tag, as JSON.
- ``/metrics``: the same for Prometheus; needs ``pip install 'pi-lakeflow[metrics]'``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from pi_lakeflow.errors import SettingsError

Status = Callable[[], Mapping[str, Any]]

_MOST_TAGS = 2_000  # series of single tags; more would burden the one who collects them
_COUNTERS = {
    "messages": "Messages of channels.",
    "message_bytes": "Bytes of messages.",
    "values": "Values told on channels.",
    "rows": "Rows kept: values without what was told twice, and rows from the archive.",
    "duplicates": "Values that were told before.",
    "filled": "Rows from the archive that closed gaps.",
    "gaps": "Reads of the archive to close gaps.",
    "blocked_seconds": "Time in which reading waited because the lake was too slow.",
    "shed": "Messages dropped because the lake was too slow.",
    "broken": "Messages that could not be read.",
    "commits": "Commits to the lake.",
    "written": "Rows written.",
    "sink_failures": "Commits that failed and were tried again.",
    "disconnects": "Channels that ended without being asked to.",
    "compactions": "Joins of small files.",
    "files_joined": "Small files that were joined into larger ones.",
    "compaction_conflicts": "Joins that gave way to other commits, and were left for later.",
    "polls": "Polls of Stream Updates.",
    "inserted": "Late events that were added to the lake.",
    "updated": "Events that were changed in the lake because they were edited.",
    "deleted": "Events that were removed from the lake because they were deleted.",
}
_GAUGES = {
    "channels": "Channels that should be open.",
    "channels_open": "Channels that are open.",
    "buffered": "Rows that wait to be written.",
    "rows_per_second": "Rows over the last half minute.",
    "last_commit_seconds": "How long the last commit took.",
    "lag_seconds": "Age of the newest value of the tag that is furthest behind.",
    "silent_tags": "Tags of which nothing came yet.",
    "blocked": "1 while reading waits for the lake.",
}


@asynccontextmanager
async def watched(status: Status, *, host: str, port: int) -> AsyncIterator[int]:
    """Answer on ``host`` and ``port`` (0: any free one) inside the block; gives the port.

    Raises ``SettingsError`` when the port cannot be had.
    """
    runner = web.ServerRunner(web.Server(_Pages(status).answer, access_log=None))
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {host}:{port}: {error.strerror}",
                subject="streaming.port",
                hint="choose a free port",
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def prometheus_text(status: Mapping[str, Any]) -> bytes:
    """The exposition text. Raises ``SettingsError`` when prometheus_client is missing."""
    try:
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    except ImportError as error:
        raise SettingsError(
            "/metrics needs prometheus_client", hint="pip install 'pi-lakeflow[metrics]'"
        ) from error

    class Collector:
        def collect(self) -> Iterator[Any]:
            for name, text in _COUNTERS.items():
                yield CounterMetricFamily(f"pi_lakeflow_stream_{name}", text, value=status.get(name) or 0)
            for name, text in _GAUGES.items():
                if status.get(name) is not None:
                    yield GaugeMetricFamily(f"pi_lakeflow_stream_{name}", text, value=float(status[name]))
            lags = GaugeMetricFamily(
                "pi_lakeflow_stream_tag_lag_seconds", "Age of the newest value.", labels=["tag"]
            )
            for tag, lag in list(status.get("tags", {}).items())[:_MOST_TAGS]:
                lags.add_metric([tag], lag)
            yield lags

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry)


class _Pages:
    def __init__(self, status: Status) -> None:
        self._status = status

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405)
        if request.path == "/health":
            problems = self._status().get("problems", [])
            body = {"status": "failing" if problems else "ok", "problems": problems}
            return _json(body, 503 if problems else 200)
        if request.path == "/status":
            return _json(self._status(), 200)
        if request.path == "/metrics":
            return self._metrics()
        return _json({"pages": ["/health", "/status", "/metrics"]}, 200 if request.path == "/" else 404)

    def _metrics(self) -> web.Response:
        try:
            body = prometheus_text(self._status())
        except SettingsError as error:
            return _json({"error": error.message, "hint": error.hint}, 501)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _json(value: Mapping[str, Any], status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
