"""``df.write`` and ``df.writeStream`` into the lake, for a Spark that has no Delta of its own.

Tasks write Parquet files, the driver names them all in one Delta commit. A micro-batch is committed
once: its number travels in the commit under the query's id, which lives as long as the checkpoint.
A frame of files, see ``delivery``, is committed the same way; its files are there already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql.datasource import DataSourceArrowWriter, DataSourceStreamArrowWriter, WriterCommitMessage

from pi_lakeflow.engines.spark.delivery import files_of
from pi_lakeflow.engines.spark.ports import Landing
from pi_lakeflow.engines.spark.told import told


@dataclass(frozen=True)
class Written(WriterCommitMessage):
    """What a task tells the driver. ``query`` is None outside streams."""

    files: list[dict[str, Any]]
    query: str | None


class BatchWriter(DataSourceArrowWriter):
    """Appends a DataFrame in one commit."""

    def __init__(self, landing: Landing, *, files: bool) -> None:
        self._landing = landing
        self._files = files

    def write(self, iterator: Iterator[pa.RecordBatch]) -> Written:
        return _write(self._landing, iterator, files=self._files)

    @told()
    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        self._landing.commit(_files(messages), None, 0)

    def abort(self, messages: list[WriterCommitMessage | None]) -> None:
        self._landing.discard(_files(messages))


class StreamWriter(DataSourceStreamArrowWriter):
    """Appends each micro-batch in one commit, once."""

    def __init__(self, landing: Landing, *, files: bool) -> None:
        self._landing = landing
        self._files = files

    def write(self, iterator: Iterator[pa.RecordBatch]) -> Written:
        return _write(self._landing, iterator, files=self._files)

    @told()
    def commit(self, messages: list[WriterCommitMessage | None], batchId: int) -> None:
        queries = {each.query for each in messages if isinstance(each, Written)}
        self._landing.commit(_files(messages), next(iter(queries), None), batchId)

    def abort(self, messages: list[WriterCommitMessage | None], batchId: int) -> None:
        self._landing.discard(_files(messages))


@told()
def _write(landing: Landing, batches: Iterator[pa.RecordBatch], *, files: bool) -> Written:
    context = TaskContext.get()
    query = context.getLocalProperty("sql.streaming.queryId") if context is not None else None
    return Written(files_of(batches, landing.place) if files else landing.write(batches), query)


def _files(messages: Sequence[WriterCommitMessage | None]) -> list[dict[str, Any]]:
    """Each file once: a frame of files may have been joined or repeated on its way."""
    found = [file for each in messages if isinstance(each, Written) for file in each.files]
    return list({file["path"]: file for file in found}.values())
