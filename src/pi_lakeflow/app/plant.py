"""PI as ``engines/spark`` sees it: which tables there are, and how each is read.

Spark starts a Python process for every step of its planning, so what a step does not need is not
imported: importing this module costs next to nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from difflib import get_close_matches

import pyarrow as pa

from pi_lakeflow import aio
from pi_lakeflow.engines.spark.ports import Stretch, Survey
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.events import ignore
from pi_lakeflow.model.ports import UnitReader
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.settings import Selection, Selector, SelectorKind, Settings


class PiPlant:
    """A PI Web API. Events are read by tag and time, event frames by the time of their start, other tables
    as a whole."""

    def specs(self) -> Sequence[TableSpec]:
        from pi_lakeflow.app.alarms.snapshots import alarm_tables
        from pi_lakeflow.app.assets import asset_tables

        return (PI_TIMESERIES, *asset_tables(), *alarm_tables())

    def spec(self, table: str) -> TableSpec:
        name = table.lower()
        if name == PI_TIMESERIES.name:
            return PI_TIMESERIES
        found = {spec.name: spec for spec in self.specs()}
        if name in found:
            return found[name]
        near = get_close_matches(name, found, n=1, cutoff=0.5)
        raise SettingsError(
            f"there is no table {table!r} to read",
            subject="option 'table'",
            hint=f"did you mean {near[0]}?" if near else f"tables: {', '.join(found)}",
        )

    def snapshot(
        self, settings: Settings, spec: TableSpec, stretches: Sequence[Stretch] = ()
    ) -> Iterator[pa.RecordBatch]:
        from pi_lakeflow.app.alarms.snapshots import alarm_snapshot, alarm_tables
        from pi_lakeflow.app.assets import snapshot_of

        if spec in alarm_tables():
            return iter(aio.run(alarm_snapshot(settings, spec, stretches)))
        return iter(aio.run(snapshot_of(settings, spec.name)))

    def stretches(self, settings: Settings, spec: TableSpec, count: int) -> Sequence[Stretch]:
        from pi_lakeflow.app.alarms.snapshots import stretches_of

        return aio.run(stretches_of(settings, spec, count))

    async def survey(self, settings: Settings, names: Collection[str] | None = None) -> Survey:
        from pi_lakeflow.app.source import open_source, server_now

        if not settings.tags:
            raise SettingsError(
                "no tags are chosen",
                subject="option 'tags'",
                hint="a name, a mask, all, or a JSON list of these",
            )
        chosen = _narrowed(settings.tags, names)
        async with open_source(settings) as source:
            resolved = await source.catalog.resolve(chosen)
            # A name out of a filter that no tag has is no row, and no error.
            missing = resolved.failures if chosen == settings.tags else []
            return Survey(resolved.tags, missing, await server_now(source.client))

    async def densities(self, settings: Settings, tags: Sequence[Tag], span: Span) -> Mapping[str, float]:
        from pi_lakeflow.app.source import open_source
        from pi_lakeflow.historians.pi.density import densities

        async with open_source(settings) as source:
            return await densities(source.client, tags, span)

    @asynccontextmanager
    async def reader(
        self, settings: Settings, spec: TableSpec, *, ingested_at: int
    ) -> AsyncIterator[UnitReader]:
        from pi_lakeflow.app.reading import recorded_reader
        from pi_lakeflow.app.source import open_source

        if spec.name != PI_TIMESERIES.name:
            raise SettingsError(f"{spec.name} cannot be read by tag and time", subject="option 'table'")
        async with open_source(settings) as source:
            with recorded_reader(settings, source, ingested_at=ingested_at, observer=ignore) as reader:
                yield reader


def _narrowed(selection: Selection, names: Collection[str] | None) -> Selection:
    """Few names out of all tags are looked up by themselves, instead of listing the server."""
    everything = Selection((Selector(SelectorKind.ALL, "all"),))
    if names is None or selection != everything:
        return selection
    return replace(everything, selectors=tuple(Selector(SelectorKind.NAME, name) for name in sorted(names)))
