"""Our side of Zerobus: what is sent, when progress moves, what happens when the service fails.

The service itself cannot be had here. ``Service`` keeps what its documentation promises: rows count
once ``flush`` has returned, and a stream that failed stays failed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import stamina
from zerobus.sdk.shared import NonRetriableException, ZerobusException

from pi_lakeflow.errors import SinkUnavailable
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.model.ports import LaneMoved
from pi_lakeflow.model.work import Mark, Step
from pi_lakeflow.sinks.delta import DeltaLake
from pi_lakeflow.sinks.zerobus import PER_CALL, ZerobusLake, ZerobusTable

DAY, MICROS = 20_000, 20_000 * 86_400_000_000


class Service:
    """Durable rows, and faults that strike the next calls."""

    def __init__(self, *faults: Exception) -> None:
        self.durable: list[dict[str, Any]] = []
        self.calls: list[int] = []
        self.opened = 0
        self.faults = list(faults)

    def connect(self) -> Line:
        self.opened += 1
        return Line(self)


class Line:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._sent: list[dict[str, Any]] = []
        self._failed = False

    def ingest_records_offset(self, records: list[dict[str, Any]], /) -> int:
        assert not self._failed, "a failed stream is used again"
        self._service.calls.append(len(records))
        self._sent += records
        return len(self._sent)

    def flush(self) -> None:
        if self._service.faults:
            self._failed = True
            raise self._service.faults.pop(0)
        self._service.durable += self._sent
        self._sent = []

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def quick() -> Any:
    """Retries without their pauses, as many as in earnest."""
    with stamina.set_testing(True, attempts=6):
        yield


def table_of(folder: Path, service: Service) -> ZerobusTable:
    lake = ZerobusLake(
        DeltaLake(str(folder), "main", "streaming"), PI_TIMESERIES_LIVE, name="a.b.c", connect=service.connect
    )
    found = lake.table(PI_TIMESERIES_LIVE)
    assert isinstance(found, ZerobusTable)
    return found


def batch(rows: int) -> pa.RecordBatch:
    values = {
        "tag_webid": ["I1DP"] * rows,
        "timestamp": [MICROS + n for n in range(rows)],
        "event_index": [0] * rows,
        "value": [n / 2 for n in range(rows)],
        "date": [DAY] * rows,
    }
    columns = [
        pa.array(values[field.name], field.type) if field.name in values else pa.nulls(rows, field.type)
        for field in PI_TIMESERIES_LIVE.arrow_schema
    ]
    return pa.RecordBatch.from_arrays(columns, names=PI_TIMESERIES_LIVE.arrow_schema.names)


def step(rows: int, version: int, expected: int | None) -> Step:
    return Step(Mark("lane", expected, version), (batch(rows),))


def test_rows_go_in_bounded_calls_and_types_that_the_service_reads(tmp_path: Path) -> None:
    service = Service()
    result = table_of(tmp_path, service).append([step(PER_CALL + 5, 1, None)])
    assert service.calls == [PER_CALL, 5]
    assert result.rows == len(service.durable) == PER_CALL + 5
    first = service.durable[1]
    assert (first["timestamp"], first["date"], first["value"]) == (MICROS + 1, DAY, 0.5)
    assert service.opened == 1


def test_progress_moves_with_the_acknowledgement_and_survives_a_restart(tmp_path: Path) -> None:
    table_of(tmp_path, Service()).append([step(3, 7, None)])
    service = Service()
    again = table_of(tmp_path, service)
    assert again.positions(["lane"]) == {"lane": 7}
    assert again.append([step(3, 7, None)]).skipped == ("lane",)
    assert service.durable == []
    again.append([step(2, 9, 7)])
    assert len(service.durable) == 2
    assert again.read().num_rows == 0


def test_a_passing_failure_is_tried_on_a_new_stream_until_all_rows_are_durable(tmp_path: Path) -> None:
    service = Service(ZerobusException("reset"), ZerobusException("reset"))
    table = table_of(tmp_path, service)
    table.append([step(4, 1, None)])
    assert {row["timestamp"] for row in service.durable} == {MICROS + n for n in range(4)}
    assert service.opened == 3
    assert table.positions(["lane"]) == {"lane": 1}


@pytest.mark.parametrize(
    "faults", [(NonRetriableException("4024"),), tuple(ZerobusException("down") for _ in range(20))]
)
def test_what_does_not_pass_is_told_and_moves_nothing(tmp_path: Path, faults: tuple[Exception, ...]) -> None:
    service = Service(*faults)
    table = table_of(tmp_path, service)
    with pytest.raises(SinkUnavailable, match="does not take") as caught:
        table.append([step(4, 1, None)])
    assert "zerobus" in str(caught.value.hint)
    assert table.positions(["lane"]) == {"lane": None}
    service.faults.clear()
    table.append([step(4, 1, None)])
    assert len(service.durable) == 4


def test_a_lane_that_another_moved_sends_nothing(tmp_path: Path) -> None:
    service = Service()
    table = table_of(tmp_path, service)
    table.append([step(1, 5, None)])
    with pytest.raises(LaneMoved):
        table.append([step(1, 6, 4)])
    assert len(service.durable) == 1
