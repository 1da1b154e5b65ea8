"""Live rows pushed into a Databricks table through Zerobus Ingest.

Zerobus takes rows and acknowledges them when they are durable; it carries no transactions of ours and
cannot be asked what it holds. So progress stays here, in the log of a Delta table without rows, and moves
only after the acknowledgement: what a crash leaves between the two is sent again. Rows arrive **at
least once**; the key ``tag_webid, timestamp, event_index`` and ``received_at`` tell copies apart.

Source: Zerobus Ingest, topics "Concepts" and "Quotas", and the Python SDK's own documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pyarrow as pa
import stamina
from zerobus.sdk.shared import NonRetriableException, RecordType, StreamConfigurationOptions, TableProperties
from zerobus.sdk.shared import ZerobusException as ZerobusError
from zerobus.sdk.sync import ZerobusSdk

from pi_lakeflow.errors import SinkUnavailable
from pi_lakeflow.flow.commit import select_due
from pi_lakeflow.flow.holding import Holding
from pi_lakeflow.model.ports import CommitResult
from pi_lakeflow.model.tables import TableSpec
from pi_lakeflow.model.work import Step
from pi_lakeflow.sinks.delta import DeltaLake, DeltaLakeTable

PER_CALL = 2_000  # rows of one call: about 1 MB, far below what one record or stream may carry
_ATTEMPTS = 6
_HINT = "check `zerobus.*`; the service principal needs SELECT and MODIFY on the table itself"


class Stream(Protocol):
    """What is used of the SDK's stream."""

    def ingest_records_offset(self, records: list[dict[str, Any]], /) -> object: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go. ``table`` is ``catalog.schema.name``; it must exist, with our columns."""

    endpoint: str
    workspace: str
    table: str
    client_id: str
    client_secret: str

    def connect(self) -> Stream:
        """Open a stream. Raises the SDK's errors."""
        sdk = ZerobusSdk(self.endpoint, self.workspace)
        opened: Stream = sdk.create_stream(
            self.client_id,
            self.client_secret,
            TableProperties(self.table),
            StreamConfigurationOptions(record_type=RecordType.JSON),
        )
        return opened


class ZerobusTable(DeltaLakeTable):
    """``append`` sends rows away; everything else is about the log at ``path``, which holds no rows."""

    def __init__(
        self, path: str, spec: TableSpec, options: dict[str, str], *, name: str, connect: Callable[[], Stream]
    ) -> None:
        super().__init__(path, spec, options)
        self._name = name
        self._connect = connect
        self._stream: Stream | None = None

    def append(self, steps: Sequence[Step]) -> CommitResult:
        """Send what is due, wait until it is durable, then move the progress.

        Raises ``SinkUnavailable`` when Zerobus stays away or refuses, and ``LaneMoved``.
        """
        positions = self.positions({mark.app_id for step in steps for mark in (step.mark, *step.riders)})
        due, _ = select_due(steps, positions.get)
        rows = 0
        for step in due:
            for batch in step.batches:
                self._send(batch)
                rows += batch.num_rows
        moved = super().append([replace(step, batches=()) for step in steps])
        return CommitResult(moved.version, rows, moved.skipped)

    def writer(self, _held_rows: int, /) -> Holding:
        return Holding(self)

    def _send(self, batch: pa.RecordBatch) -> None:
        try:
            for attempt in stamina.retry_context(
                on=_passing, attempts=_ATTEMPTS, timeout=120.0, wait_initial=0.5, wait_max=10.0
            ):
                with attempt:
                    self._deliver(batch)
        except ZerobusError as error:
            raise SinkUnavailable(
                f"Zerobus does not take the rows: {error}", subject=self._name, hint=_HINT
            ) from error

    def _deliver(self, batch: pa.RecordBatch) -> None:
        """The whole batch, until it is durable. A stream that failed is never used again."""
        stream = self._stream or self._connect()
        self._stream = None
        for records in _records(batch):
            stream.ingest_records_offset(records)
        stream.flush()
        self._stream = stream


class ZerobusLake(DeltaLake):
    """A lake whose table ``live`` is elsewhere; lanes, errors and the log of progress stay here."""

    def __init__(self, lake: DeltaLake, live: TableSpec, *, name: str, connect: Callable[[], Stream]) -> None:
        super().__init__(lake.root, lake.catalog, lake.schema, storage_options=lake.storage_options)
        path = f"{self.path_of(live.name)}_sent"
        self._tables[live.name] = ZerobusTable(
            path, live, dict(lake.storage_options), name=name, connect=connect
        )


def _passing(error: Exception) -> bool:
    return isinstance(error, ZerobusError) and not isinstance(error, NonRetriableException)


def _records(batch: pa.RecordBatch) -> Iterator[list[dict[str, Any]]]:
    """Rows as Zerobus reads JSON: times in microseconds, dates in days since 1970."""
    columns = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type)
        else column.cast(pa.int32()) if pa.types.is_date(column.type)
        else column
        for column in batch.columns
    ]  # fmt: skip
    plain = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    for start in range(0, plain.num_rows, PER_CALL):
        yield plain.slice(start, PER_CALL).to_pylist()
