"""Stream values as bytes of JSON: whole lists, with cached blocks where that is possible."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pi_lakeflow.simulator.faults import Fault
from pi_lakeflow.simulator.world.events import ANNOTATED, GOOD, QUESTIONABLE, SUBSTITUTED, Events
from pi_lakeflow.simulator.world.hashing import chance, scramble
from pi_lakeflow.simulator.world.hashing import stream as hash_stream
from pi_lakeflow.simulator.world.tags import TagDef
from pi_lakeflow.simulator.world.ticks import to_text

from .fields import Tree, prune
from .jsonvalues import plain_value
from .recorded import RecordedQuery, read_recorded
from .render import PROPERTIES, RowFormat, Rows, render
from .reply import encode
from .streams import Stream
from .uniform import UniformPages

if TYPE_CHECKING:
    from pi_lakeflow.simulator.simulator import Simulator


@dataclass(frozen=True, slots=True)
class ValueStyle:
    """How TimedValues are printed: by columns when ``rows`` is set, else pruned one by one.

    ``wanted`` is False when the selection leaves them out altogether.
    """

    wanted: bool
    rows: tuple[str, ...] | None
    tree: Tree | None


@dataclass(frozen=True, slots=True)
class Text:
    """JSON rows joined by commas, in pieces, and how many events they show."""

    chunks: Sequence[bytes | memoryview]
    count: int


def value_style(fields: Tree | None, path: Sequence[str], *, annotated: bool = True) -> ValueStyle:
    """What a selection keeps of the TimedValues at ``path`` (such as ``("items", "items")``)."""
    below = fields
    for name in path:
        if not below:
            break
        if name not in below:
            return ValueStyle(wanted=False, rows=None, tree=None)
        below = below[name]
    names = [n for folded, n in PROPERTIES.items() if not below or folded in below]
    if not annotated:
        names = [n for n in names if n != "Annotated"]
    nested = any((below or {}).get(folded) for folded in PROPERTIES)
    if not names or nested:
        return ValueStyle(wanted=True, rows=None, tree=below)
    return ValueStyle(wanted=True, rows=tuple(names), tree=below)


_FEW = 4  # so many events are printed faster one by one than by columns


def _one(events: Events, place: int, stream: Stream) -> dict[str, Any]:
    flags = int(events.flags[place])
    return {
        "Timestamp": to_text(int(events.ticks[place])),
        "Value": plain_value(events, place, stream.state_name),
        "UnitsAbbreviation": stream.units,
        "Good": bool(flags & GOOD),
        "Questionable": bool(flags & QUESTIONABLE),
        "Substituted": bool(flags & SUBSTITUTED),
        "Annotated": bool(flags & ANNOTATED),
    }


class ValueText:
    """Prints the values of streams for one server."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._cache = sim.rows
        self._pages = UniformPages(sim.config.cache_bytes // 4)

    def recorded(self, stream: Stream, query: RecordedQuery, style: ValueStyle) -> Text:
        """The rows of a recorded call."""
        fault = self._sim.faults.value_errors(stream.tag) if stream.tag else None
        if stream.tag is not None and style.rows and query.plain and fault is None:
            row_format = RowFormat(style.rows, stream.units)
            if self._plain(stream.tag, row_format):
                return self._uniform(stream.tag, query, row_format)
            return self._blocks(stream, stream.tag, query, row_format)
        return self.rows(stream, read_recorded(stream, query), style, fault)

    def rows(self, stream: Stream, events: Events, style: ValueStyle, fault: Fault | None = None) -> Text:
        """Any events as rows."""
        if style.rows and fault is None and not getattr(stream, "broken", ""):
            rows = render(events, RowFormat(style.rows, stream.units), stream.state_name)
            return Text((rows.part(0, len(rows))[:-1],), len(rows)) if len(rows) else Text((), 0)
        values = self.dicts(stream, events, fault)
        pruned = [value for value in (prune(v, style.tree) for v in values) if value]
        return Text((encode(pruned)[1:-1],), len(values))

    def dicts(self, stream: Stream, events: Events, fault: Fault | None = None) -> list[dict[str, Any]]:
        """Events as decoded TimedValues."""
        if len(events) <= _FEW:
            values = [_one(events, place, stream) for place in range(len(events))]
            for value in () if self._sim.annotated else values:
                del value["Annotated"]
        else:
            values = self._rendered_dicts(stream, events)
        if fault is not None and stream.tag is not None:
            _spoil(values, events, stream.tag, fault)
        broken: str = getattr(stream, "broken", "")
        for value in values if broken else ():  # a data reference of AF failed
            value.update(Value={"Errors": [broken]}, Good=False)
        return values

    def _rendered_dicts(self, stream: Stream, events: Events) -> list[dict[str, Any]]:
        properties = tuple(n for n in PROPERTIES.values() if n != "Annotated" or self._sim.annotated)
        rows = render(events, RowFormat(properties, stream.units), stream.state_name)
        values: list[dict[str, Any]] = json.loads(b"[" + rows.data[:-1] + b"]")
        return values

    def _plain(self, tag: TagDef, row_format: RowFormat) -> bool:
        world = self._sim.world
        untouched = not world.archive.edits(tag) and not tag.retyped
        return world.recipe.uniform and untouched and UniformPages.fits(tag, row_format)

    def _uniform(self, tag: TagDef, query: RecordedQuery, row_format: RowFormat) -> Text:
        first = -(-max(query.first, tag.created) // tag.period)
        last = min(query.last, self._sim.world.archive.horizon(tag)) // tag.period + 1
        last = min(last, first + query.max_count)
        chunks: list[bytes | memoryview] = []
        for rows, _ in self._pages.render(tag, first, last, row_format):
            chunks.append(rows)
        if chunks:
            chunks[-1] = chunks[-1][:-1]
        return Text(chunks, max(0, last - first))

    def _blocks(self, stream: Stream, tag: TagDef, query: RecordedQuery, row_format: RowFormat) -> Text:
        chunks: list[bytes | memoryview] = []
        left = query.max_count
        for rows in self._rendered(stream, tag, query, row_format):
            first = int(np.searchsorted(rows.ticks, query.first, "left"))
            last = min(int(np.searchsorted(rows.ticks, query.last, "right")), first + left)
            if last > first:
                chunks.append(rows.part(first, last))
                left -= last - first
            if left <= 0:
                break
        if chunks:
            chunks[-1] = chunks[-1][:-1]  # the last comma
        return Text(chunks, query.max_count - left)

    def _rendered(
        self, stream: Stream, tag: TagDef, query: RecordedQuery, row_format: RowFormat
    ) -> Iterator[Rows]:
        """The rows of each block that the query touches, from the cache where they are there."""
        archive = self._sim.world.archive
        common = (tag.key, row_format, archive.edits(tag), self._sim.world.revision)
        for block in archive.blocks(tag, query.first, query.last):
            # What is visible of a block that is still being written is told by its length
            events = None if archive.settled(tag, block) else archive.block(tag, block)
            key = (common, block, None if events is None else len(events))
            rows = self._cache.get(key)
            if rows is None:
                shown = archive.block(tag, block) if events is None else events
                rows = render(shown, row_format, stream.state_name)
                self._cache.put(key, rows)
            yield rows


def weigh_rows(rows: Rows) -> int:
    """Bytes that cached rows take."""
    return len(rows.data) + rows.offsets.nbytes + rows.ticks.nbytes + 200


def _spoil(values: list[dict[str, Any]], events: Events, tag: TagDef, fault: Fault) -> None:
    hit = chance(hash_stream(scramble(tag.key, 77), events.ticks), fault.probability)
    text = fault.message or "An error occurred while evaluating the value."
    for place in np.flatnonzero(hit).tolist():
        values[place].update(
            Value=None,
            UnitsAbbreviation=None,
            Errors=[{"FieldName": "Value", "Message": [text]}],
        )
