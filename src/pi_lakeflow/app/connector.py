"""The whole product behind one class, for Python and notebooks.

connector = PILakeflowConnector({"pi_web_api_url": "https://server/piwebapi", "tags": [...], ...})
report = connector.run()                                      # into the lake, exactly once
table = connector.extract_timeseries_batch(["SINUSOID"])      # into memory, and nowhere else
"""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow import aio
from pi_lakeflow.app.follow import follow
from pi_lakeflow.app.ingest import Report, ingest
from pi_lakeflow.app.performance_log import logged
from pi_lakeflow.app.prepare import Request
from pi_lakeflow.app.reading import answer_sizer
from pi_lakeflow.app.source import Source, open_source, server_now
from pi_lakeflow.app.together import run_and_stream, wanted
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.errors import Refused, SettingsError
from pi_lakeflow.historians.pi.recorded.reader import RecordedReader
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.events import ignore
from pi_lakeflow.model.span import Span, from_micros, iso, to_micros
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import TagFailure, WorkUnit
from pi_lakeflow.settings import Settings, load, parse_selection, parse_time

_STEP = 2_000_000  # rows that one work unit brings at most; a batch may take several

Config = Mapping[str, Any] | Settings | str | os.PathLike[str]
Moment = str | datetime


class TagsLeftOut(UserWarning):
    """A table does not hold all tags that were asked for."""


class PILakeflowConnector:
    """``config`` is a dict with the keys of the configuration file, a path to one, or ``Settings``;
    None looks for ``pi-lakeflow.yaml`` as the command does.

    Works in scripts, in threads, and in notebooks, where an event loop runs already. All batches
    of one connector share its connections and its budget of requests, however many threads ask. Raises
    ``SettingsError`` for a configuration that cannot be used.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.settings = _settings(config)
        self.failures: list[TagFailure] = []
        self._stop = Stop()
        self._reading = _Reading(self.settings)
        self._cleanup = weakref.finalize(self, _close_later, self._reading)

    def run(self) -> Report:
        """Bring each configured tag up to date in the lake. What could not be read is in the report
        (``quarantined``) and in ``failures``.

        With ``enable_streaming`` it also follows live values, and returns only after ``stop`` was
        called (from another thread).

        Raises ``SourceUnavailable`` and ``SinkUnavailable``: what was committed before stays, and the
        next run goes on from there.
        """
        request = Request("run")
        self._stop = Stop()
        if wanted(self.settings, request) and self.settings.streaming.mode == "updates":
            return self._run_and_follow()
        if wanted(self.settings, request):
            both = aio.run(run_and_stream(self.settings, request, stop=self._stop))
            report = both.recorded
            self.failures = [*(each.failure for each in report.quarantined), *both.live.failures]
            return report
        report = aio.run(ingest(self.settings, request, stop=self._stop))
        self.failures = [each.failure for each in report.quarantined]
        return report

    def _run_and_follow(self) -> Report:
        """Follow the archive from now on through Stream Updates, and catch up meanwhile, until ``stop``."""
        followed = aio.run(follow(self.settings, stop=self._stop))
        report = followed.recorded or Report(followed.run_id, "run")
        report.status = "done" if report.status == "interrupted" else report.status
        self.failures = [*(each.failure for each in report.quarantined), *followed.failures]
        return report

    def stop(self) -> None:
        """Let ``run``, in another thread, commit what is under way and return."""
        self._stop.drain()

    def extract_timeseries_batch(
        self, tags: Sequence[str], *, start_time: Moment | None = None, end_time: Moment | None = None
    ) -> pa.Table:
        """The rows of ``pi_timeseries`` for ``tags``, by tag, time and event; written nowhere.

        ``tags`` are names, WebIds or any other form of the configuration's ``tags``. The half-open
        span is the configured one (``since``, ``until``) unless given: ISO 8601, PI times, or
        aware datetimes.

        A tag that cannot be read is left out whole: a ``TagsLeftOut`` warning says so, and
        ``failures`` holds the reasons of the batch that ended last. Raises ``Refused`` when no tag at
        all could be read, ``SourceUnavailable`` when the server does not answer.
        """
        table, failures = aio.run(self._reading.batch(list(tags), start_time, end_time))
        self.failures = failures
        if failures:
            text = ", ".join(f"{each.tag.name or each.tag.webid} ({each.message})" for each in failures[:3])
            rest = f", and {len(failures) - 3:,} more" if len(failures) > 3 else ""
            warnings.warn(f"left out: {text}{rest}", TagsLeftOut, stacklevel=2)
        return table

    def close(self) -> None:
        """Close the connections. The connector may be used again afterwards."""
        aio.run(self._reading.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings.pi_web_api_url!r})"


class _Reading:
    """The open source that all batches share. Lives on the private loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._source: Source | None = None
        self._opening: asyncio.Lock | None = None
        self._guard = threading.Lock()
        self._offset = 0  # microseconds that the server's clock is ahead of ours

    async def batch(
        self, tags: list[str], start: Moment | None, end: Moment | None
    ) -> tuple[pa.Table, list[TagFailure]]:
        source = await self._open()
        resolved = await source.catalog.resolve(parse_selection(tags))
        span = self._span(start, end)
        rows, failures = await self._read(source, tuple(resolved.tags.values()), span)
        failures = [*resolved.failures, *failures]
        if failures and len(failures) >= len(resolved.tags) + len(resolved.failures):
            raise _nothing(failures)
        return rows, failures

    async def close(self) -> None:
        stack, self._stack, self._source = self._stack, AsyncExitStack(), None
        await stack.aclose()

    async def _open(self) -> Source:
        with self._guard:
            self._opening = self._opening or asyncio.Lock()
        async with self._opening:
            if self._source is None:
                self._source = await self._stack.enter_async_context(
                    open_source(self._settings, logged(ignore))
                )
                self._offset = await server_now(self._source.client) - SystemClock().now()
            return self._source

    def _span(self, start: Moment | None, end: Moment | None) -> Span:
        now, zone = from_micros(SystemClock().now() + self._offset), self._settings.time_zone
        first = self._settings.since if start is None else start
        last = self._settings.until if end is None else end
        since, until = (
            to_micros(each) if isinstance(each, datetime) else parse_time(each, now=now, zone=zone)
            for each in (first, last)
        )
        if until < since:
            raise SettingsError(
                f"the span ends before it starts: since {iso(since)} until {iso(until)}",
                subject="since",
                hint="move `since` back, or `until` forward",
            )
        return Span(since, until)

    async def _read(
        self, source: Source, tags: tuple[Tag, ...], span: Span
    ) -> tuple[pa.Table, list[TagFailure]]:
        """Unit after unit, since a unit of many events ends earlier than it should."""
        batches: list[pa.RecordBatch] = []
        failures: list[TagFailure] = []
        with ThreadPoolExecutor(1, thread_name_prefix="decode") as pool:
            reader = RecordedReader(
                source.client.transport,
                ingested_at=SystemClock().now(),
                pool=pool,
                size=answer_sizer(self._settings),
                observer=logged(ignore),
            )
            while tags and span:
                piece = await reader.read(WorkUnit(PI_TIMESERIES.name, "", span, tags), row_limit=_STEP)
                batches += piece.batches
                failures += piece.failures
                failed = {each.tag.webid for each in piece.failures}
                tags = tuple(tag for tag in tags if tag.webid not in failed)
                span = Span(piece.span.end, span.end)
        return await asyncio.to_thread(_sorted, batches, [each.tag.webid for each in failures]), failures


def _settings(config: Config | None) -> Settings:
    if isinstance(config, Settings):
        return config
    if config is None or isinstance(config, str | os.PathLike):
        return load(path=config)
    return load(config)


def _sorted(batches: Iterable[pa.RecordBatch], left_out: Sequence[str]) -> pa.Table:
    """One table in key order, without the rows that failed tags had brought before they failed."""
    schema = PI_TIMESERIES.arrow_schema
    tables = [pa.Table.from_batches([batch]).cast(schema) for batch in batches]
    whole = pa.concat_tables(tables) if tables else schema.empty_table()
    if left_out:
        whole = whole.filter(pc.invert(pc.is_in(whole["tag_webid"], pa.array(left_out, pa.string()))))
    order = ("tag_name", *PI_TIMESERIES.key)
    return whole.sort_by([(name, "ascending") for name in order])


def _nothing(failures: Sequence[TagFailure]) -> Refused:
    first = failures[0]
    name = first.tag.name or first.tag.webid
    others = f" (and {len(failures) - 1:,} others)" if len(failures) > 1 else ""
    return Refused(
        f"no tag could be read: {first.message}",
        subject=f"{name}{others}",
        hint=first.hint,
        status=first.status,
    )


def _close_later(reading: _Reading) -> None:
    aio.spawn(reading.close())
