"""Rows of many steps on their way into files that one commit names: large files in little memory.

The rows are written as they come. What counts is decided at the commit, by the log: when another
process has moved a lane meanwhile, its rows are taken out of the files again before they are named.
A kill before the commit leaves files that nobody names; ``optimize`` removes them.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from pi_lakeflow.model.ports import CommitResult
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Mark, Step
from pi_lakeflow.sinks.partfile import PartFile
from pi_lakeflow.sinks.parts import Part, PartWriter, Place
from pi_lakeflow.sinks.store import discard, translated

_READ_ROWS = 100_000  # at a time, of a file that is written again

Commit = Callable[[Sequence[Step], Callable[[Sequence[Step]], Sequence[Part]]], CommitResult]
"""Commits those of the steps that are due, with the files that hold their rows and no others."""


class StagedSteps:
    """Fulfils ``StepWriter`` with files below a table's root, which ``path`` is for messages."""

    def __init__(
        self, path: str, files: FileSystem, spec: TableSpec, commit: Commit, *, held_rows: int
    ) -> None:
        self._path = path
        self._files = files
        self._commit = commit
        self._writer = PartWriter(files, spec, held_rows=held_rows)
        self._places: dict[Mark, list[Place]] = defaultdict(list)
        self._parts: list[Part] | None = None
        self._without: dict[frozenset[Mark], list[Part]] = {}
        self._tried = False

    @property
    def held(self) -> int:
        return self._writer.held

    def write(self, steps: Sequence[Step]) -> None:
        with translated(self._path):
            for step in steps:
                places = self._places[step.mark]
                for batch in step.batches:
                    places += self._writer.add(batch)

    def commit(self, steps: Sequence[Step]) -> CommitResult:
        if self._parts is None:
            with translated(self._path):
                self._parts = self._writer.close()
        self._tried = True
        named: Sequence[Part] | None = None

        def parts_of(due: Sequence[Step]) -> Sequence[Part]:
            nonlocal named
            named = self._only(due)
            return named

        result = self._commit(steps, parts_of)
        if named is not None:
            self._remove_others(named)
        return result

    def discard(self) -> None:
        if not self._tried:  # else the log may name the files, although nobody told us
            self._writer.discard()

    def _only(self, due: Sequence[Step]) -> list[Part]:
        """The files with the rows of ``due`` and no others."""
        parts = self._parts or []
        dropped = frozenset(self._places.keys() - {step.mark for step in due})
        places = [place for mark in dropped for place in self._places[mark]]
        if not places:
            return parts
        if dropped not in self._without:
            holes: dict[str, list[Place]] = defaultdict(list)
            for place in places:
                holes[place.path].append(place)
            again = [self._again(part, holes[part.path]) if part.path in holes else part for part in parts]
            self._without[dropped] = [part for part in again if part is not None]
        return self._without[dropped]

    def _again(self, part: Part, holes: Sequence[Place]) -> Part | None:
        """The file without the rows in ``holes``; None when nothing is left."""
        if sum(hole.count for hole in holes) == part.rows:
            return None
        path = f"{part.path.rpartition('/')[0]}/part-{uuid.uuid4()}.zstd.parquet".lstrip("/")
        with self._files.open_input_file(part.path) as source:
            held = pq.ParquetFile(source)
            file = PartFile(self._files, path, held.schema_arrow)
            for rows in _kept(held, sorted((hole.start, hole.start + hole.count) for hole in holes)):
                file.write(rows)
            size, modified, stats = file.close()
        return replace(part, path=path, size=size, modified=modified, stats=stats)

    def _remove_others(self, named: Sequence[Part]) -> None:
        kept = {part.path for part in named}
        made = [part for parts in (self._parts or [], *self._without.values()) for part in parts]
        discard(self._files, {part.path for part in made} - kept)


def _kept(held: pq.ParquetFile, holes: Sequence[tuple[int, int]]) -> Iterator[pa.Table]:
    """The rows outside of ``holes``, which are sorted and do not overlap."""
    at = 0
    for batch in held.iter_batches(batch_size=_READ_ROWS):
        rows = pa.Table.from_batches([batch])
        start = 0
        for first, last in holes:
            begin, end = first - at, last - at
            if end <= 0 or begin >= rows.num_rows:
                continue
            if begin > start:
                yield rows.slice(start, begin - start)
            start = max(start, end)
        if start < rows.num_rows:
            yield rows.slice(start)
        at += rows.num_rows
