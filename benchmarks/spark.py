"""The same rows through Spark and through the embedded engine, in one run.

    python -m benchmarks.spark [--size quick|small|full]

Spark starts, and each way is gone once, before anything is measured: what the start costs is the same
for an hour of data as for a year. So is what the start of a query costs, which is measured: at size `full`
it is a small part, as it is for a plant. Each way into Delta is compared with the archive; the other is
counted.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from benchmarks import contenders, results, tables, truth
from benchmarks.server import serving
from benchmarks.suite import Case
from pi_lakeflow import aio
from pi_lakeflow.app.ingest import ingest
from pi_lakeflow.settings import load

SIZES = {"quick": (200, 2.0, 1), "small": (2_000, 24.0, 2), "full": (16_000, 24.0, 2)}  # tags, hours, rounds

_RECOMMENDED = {  # by docs/spark.md, for rows that go through Spark
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
}


@dataclass(frozen=True)
class Way:
    """One way of reading: rows, and the median of its rounds in rows per second."""

    label: str
    rows: int
    rate: float


class Comparison:
    """All ways over one server, one Spark session and one folder. Each returns the seconds it took."""

    def __init__(self, case: Case, url: str, spark: Any, folder: Path) -> None:
        self._case = case
        self._url = url
        self._spark = spark
        self._folder = folder
        self._lakes = 0
        self.ways: dict[str, Callable[[], float]] = {
            "embedded engine into Delta": self.embedded,
            "`spark.read`, rows dropped": self.dropped,
            "`spark.read` into Delta": self.written,
            "`spark.readStream` into Delta, three micro-batches": self.streamed,
            "`spark.read`, files delivered, into Delta": self.landed,
            "`spark.readStream`, files delivered, into Delta, three micro-batches": self.landed_stream,
            "`spark.readStream`, files delivered, into Delta, the default bound": self.landed_by_default,
        }

    def embedded(self) -> float:
        settings = load({**self._config(), "lake": str(self._new_lake())}, environ={})
        started = monotonic()
        aio.run(ingest(settings))
        return self._verified(monotonic() - started)

    def dropped(self) -> float:
        started = monotonic()
        self._read().write.format("noop").mode("overwrite").save()
        return monotonic() - started

    def written(self, **more: str) -> float:
        lake, started = self._new_lake(), monotonic()
        frame = self._read(lake=str(lake), **more)
        frame.write.format("pi_lakeflow").mode("append").option("lake", str(lake)).save()
        return self._verified(monotonic() - started)

    def landed(self) -> float:
        return self.written(deliver="files")

    def landed_stream(self) -> float:
        return self.streamed(deliver="files")

    def landed_by_default(self) -> float:
        return self._stream(deliver="files")

    def streamed(self, **more: str) -> float:
        return self._stream(max_records_per_batch=str(max(100_000, self._case.rows // 3)), **more)

    def _stream(self, **more: str) -> float:
        lake, started = self._new_lake(), monotonic()
        given = self._options() | more | {"lake": str(lake), "state": f"{lake}/state"}
        frame = self._spark.readStream.format("pi_lakeflow").options(**given).load()
        writer = frame.writeStream.format("pi_lakeflow").option("lake", str(lake))
        query = writer.option("checkpointLocation", f"{lake}/checkpoint").trigger(availableNow=True).start()
        query.awaitTermination()
        return self._verified(monotonic() - started)

    def counted(self) -> int:
        """Read once, to warm up, and count."""
        return int(self._read().count())

    def _read(self, **more: str) -> Any:
        return self._spark.read.format("pi_lakeflow").options(**self._options(), **more).load()

    def _verified(self, seconds: float) -> float:
        lake = self._folder / str(self._lakes)
        truth.verify(self._case, lake / "main/bronze/pi_timeseries")
        shutil.rmtree(lake)
        return seconds

    def _config(self) -> dict[str, Any]:
        since, until = contenders.span_of(self._case)
        given = {"pi_web_api_url": self._url, "data_server": "PISRV01", "tags": "all", "settle": "0"}
        return given | {"since": since, "until": until}

    def _options(self) -> dict[str, str]:
        return {**self._config(), "partitions": "2"}

    def _new_lake(self) -> Path:
        self._lakes += 1
        return self._folder / str(self._lakes)


def measured(size: str) -> list[Way]:
    """All ways, round by round, so that a busy spell of the machine strikes each alike."""
    count, hours, rounds = SIZES[size]
    case = Case(label="spark", contender="spark", tags=count, hours=hours)
    seconds: dict[str, list[float]] = {}
    with serving(case) as server, TemporaryDirectory() as folder, session() as spark:
        comparison = Comparison(case, server.url, spark, Path(folder))
        if (found := comparison.counted()) != case.rows:
            raise truth.Wrong(f"{found:,} rows instead of {case.rows:,}")
        for number in range(rounds + 1):
            for label, way in comparison.ways.items():
                took = way()
                print(f"  {label:40} {case.rows / took:>12,.0f} rows/s", flush=True)
                if number:  # the first time warms up
                    seconds.setdefault(label, []).append(took)
    return [Way(label, case.rows, case.rows / statistics.median(took)) for label, took in seconds.items()]


@contextmanager
def session() -> Iterator[Any]:
    """A local Spark with two cores."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyspark's own, about the newest pandas
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        spark = builder.config(map=_RECOMMENDED).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    try:
        yield spark
    finally:
        spark.stop()


def main() -> None:
    """Measure, print, and keep the figures unless they are tiny."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.spark", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--size", choices=tuple(SIZES), default="small")
    size = parser.parse_args().size
    on = results.machine()
    ways = measured(size)
    for way in ways:
        print(f"{way.label:40} {way.rate:>12,.0f} rows/s {way.rate / ways[0].rate:>6.0%}")
    if size != "quick":
        shapes = tuple(asdict(way) for way in ways)
        results.save(results.Rates("spark", size, results.now(), on, shapes), results.FOLDER)
        tables.render(tables.PAGE, results.FOLDER, tables.PAGE.parent / "performance")


if __name__ == "__main__":
    main()
