"""What a reading task gives to Spark: the rows, or the names of the files into which it wrote them.

Rows go through Spark's own format and back when a lake is all that they are for, which costs more than
reading them. With ``Files`` the task writes the lake's files itself and delivers one line per file; the
writer that is given these lines names the files in a commit, like those that it wrote itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import pyarrow as pa
from pyspark.sql.types import LongType, StringType, StructField, StructType

from pi_lakeflow.engines.spark.ports import Landing
from pi_lakeflow.engines.spark.schema import conform
from pi_lakeflow.errors import SettingsError

FILES = StructType(
    [
        StructField(
            "lake_table", StringType(), nullable=False, metadata={"comment": "Folder or URL of the table."}
        ),
        StructField(
            "file",
            StringType(),
            nullable=False,
            metadata={"comment": "What the commit says about the file, JSON."},
        ),
        StructField("rows", LongType(), nullable=False, metadata={"comment": "Rows in the file."}),
    ]
)
_ARROW = pa.schema(
    [
        pa.field("lake_table", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
    ]
)


class Delivery(Protocol):
    """Must pickle."""

    def prepare(self) -> None:
        """On the driver, before tasks begin."""
        ...

    def deliver(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """What Spark gets for the rows that were read. In tasks."""
        ...


class Rows:
    """The rows with the columns and types of ``schema``."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema

    def prepare(self) -> None:
        """Nothing to do."""

    def deliver(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return conform(batches, self._schema)


class Files:
    """One line per file that the task wrote, when all rows are in files. A task that fails removes them."""

    def __init__(self, landing: Landing, schema: StructType) -> None:
        if schema.fieldNames() != FILES.fieldNames():
            raise SettingsError(
                "columns cannot be chosen when files are delivered",
                subject="schema",
                hint="leave out .schema(...), or the option `deliver`",
            )
        self._landing = landing

    def prepare(self) -> None:
        self._landing.prepare()

    def deliver(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        described = self._landing.write_own(batches)
        lines = [
            {
                "lake_table": self._landing.place,
                "file": json.dumps(each, sort_keys=True),
                "rows": json.loads(each["stats"])["numRecords"],
            }
            for each in described
        ]
        if lines:
            yield pa.RecordBatch.from_pylist(lines, _ARROW)


def are_files(schema: StructType) -> bool:
    """Whether a frame with this schema names files instead of holding rows."""
    return schema.fieldNames() == FILES.fieldNames()


def files_of(batches: Iterable[pa.RecordBatch], place: str) -> list[dict[str, Any]]:
    """The descriptions in a frame of files. Raises ``SettingsError`` for files of another table."""
    found = []
    for line in (line for batch in batches for line in batch.to_pylist()):
        if line["lake_table"] != place:
            raise SettingsError(
                f"the files are in {line['lake_table']}, the write is to {place}",
                subject="option 'lake'",
                hint="give lake, catalog and schema alike to the reading and to the writing",
            )
        found.append(json.loads(line["file"]))
    return found
