"""The interface of Lakeflow's community and custom connectors, over the same tables, plans and tasks.

The host calls plain methods with text options and passes offsets and partitions around as JSON. It may
ask for the latest offset without saying where the stream stands, so everything that decides which rows
a batch has is in its two offsets: a time, and the digest of the tags that are read up to it. A tag that
only the second one names is read from the beginning of its history.

``app/lakeflow.py`` derives the class that people use; the host's own base classes are added when the
single file is built, since their package is not to be had from a package registry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from pyspark.sql.types import StructType

from pi_lakeflow.engines.spark.batch import BatchReader
from pi_lakeflow.engines.spark.budget import share_of
from pi_lakeflow.engines.spark.delivery import Rows
from pi_lakeflow.engines.spark.options import SparkOptions, read_options
from pi_lakeflow.engines.spark.plans import Plans
from pi_lakeflow.engines.spark.ports import Plant
from pi_lakeflow.engines.spark.records import records
from pi_lakeflow.engines.spark.schema import spark_schema
from pi_lakeflow.engines.spark.sight import Sight
from pi_lakeflow.engines.spark.task import read_portion
from pi_lakeflow.engines.spark.waves import Position, StreamPlan, Wave
from pi_lakeflow.engines.spark.work import Portion, loads, portions
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.span import SECOND, Span, iso, to_micros
from pi_lakeflow.model.tables import Grain, TableSpec
from pi_lakeflow.settings.schema import DECLARED

Offset = dict[str, str]
Options = Mapping[str, str]

# What the host adds by itself, besides what every data source is given.
_HOST = frozenset({"tablename", "tablenamelist", "tableconfigs", "isdeleteflow"})


@dataclass(frozen=True, slots=True)
class _Stand:
    """An offset: all tags of ``plan`` have been read up to ``until`` (microseconds, exclusive)."""

    until: int
    plan: StreamPlan

    @property
    def floors(self) -> Mapping[str, int]:
        """Where the history of each tag begins."""
        return {tag: wave.floor for wave in self.plan.waves for tag in wave.tags}


class LakeflowConnector:
    """One connection. ``plant`` is set by the derived class. Errors are those of ``pi_lakeflow.errors``.

    The present is looked at once, when the first offset is asked for: a run that follows a moving "now"
    would never end.
    """

    plant: ClassVar[Plant]

    def __init__(self, options: Options) -> None:
        self._given = dict(options)
        self._sights: dict[str, Sight] = {}

    def list_tables(self) -> list[str]:
        """Names of all tables."""
        return [spec.name for spec in self.plant.specs()]

    def get_table_schema(self, table_name: str, table_options: Options) -> StructType:
        """The columns of a table. Raises ``SettingsError`` for one that does not exist."""
        return spark_schema(self._spec(table_name))

    def read_table_metadata(self, table_name: str, table_options: Options) -> dict[str, Any]:
        """Keys, cursor and kind of ingestion.

        Events are ``cdc`` by the time at which they were read: what is read again, since a look-back
        or a repeated batch brought it, replaces what was read before. All else is ``snapshot``.
        """
        spec = self._spec(table_name)
        if spec.grain is Grain.EVENT:
            return {
                "primary_keys": list(spec.key),
                "cursor_field": "ingested_at",
                "ingestion_type": "cdc",
            }
        return {"primary_keys": list(spec.key), "cursor_field": None, "ingestion_type": "snapshot"}

    def read_table(
        self, table_name: str, start_offset: Mapping[str, str] | None, table_options: Options
    ) -> tuple[Iterator[dict[str, Any]], Offset | None]:
        """One bounded batch from ``start_offset`` on, and the offset where it ends.

        The same offset comes back when there is nothing more; None for a snapshot, which is whole.
        """
        options = self._options(table_name, table_options)
        spec = self._spec(table_name)
        if spec.grain is not Grain.EVENT:
            return records(self.plant.snapshot(options.settings, spec)), None
        end = self.latest_offset(table_name, table_options, start_offset or {})
        parts = self.get_partitions(table_name, table_options, start_offset or {}, end)
        rows = (row for part in parts for row in self.read_partition(table_name, part, table_options))
        return rows, end

    def read_table_deletes(
        self, table_name: str, start_offset: Mapping[str, str] | None, table_options: Options
    ) -> tuple[Iterator[dict[str, Any]], Offset | None]:
        """No table is ``cdc_with_deletes``. Raises ``SettingsError``."""
        raise SettingsError(
            "deletions are not delivered one by one",
            subject=self._spec(table_name).name,
            hint="snapshots leave out what is gone; `late_data.look_back` reads events again",
        )

    def is_partitioned(self, table_name: str) -> bool:
        """Events are read by executors, snapshots on the driver."""
        return self._spec(table_name).grain is Grain.EVENT

    def latest_offset(
        self, table_name: str, table_options: Options, start_offset: Mapping[str, str] | None = None
    ) -> Offset:
        """Where the next batch ends: the present, or earlier to keep the batch near its bound.

        Without ``start_offset`` nothing is known to bound it by.
        """
        options = self._options(table_name, table_options)
        sight = self._sight(table_name, options)
        plans = Plans(options.state)
        tags = tuple(sorted(sight.tags))
        since = sight.since // SECOND * SECOND
        if start_offset is None:
            return self._offset(plans, _Stand(sight.head(), _plan(dict.fromkeys(tags, since))))
        start = self._stand(plans, start_offset, since)
        floors = {tag: start.floors.get(tag, since) for tag in tags}
        fresh = floors.keys() - start.floors.keys()
        until = start.until
        if not fresh or not start.floors:  # newcomers catch up in a batch of their own
            far = max(SECOND, int(options.max_records / sight.pace(tags))) if tags else 0
            until = max(start.until, min(sight.head(), start.until + far))
        end = self._offset(plans, _Stand(until, _plan(floors)))
        return dict(start_offset) if _same(end, start_offset) else end

    def get_partitions(
        self,
        table_name: str,
        table_options: Options,
        start_offset: Mapping[str, str] | None = None,
        end_offset: Mapping[str, str] | None = None,
    ) -> Sequence[dict[str, Any]]:
        """What tasks read, as JSON: everything between the offsets, or the configured span without them."""
        options = self._options(table_name, table_options)
        if end_offset is None:
            reader = BatchReader(self.plant, options, Rows(self._spec(table_name).arrow_schema))
            return _descriptors(cast("Sequence[Portion]", reader.partitions()))
        if start_offset == end_offset:
            return []
        plans, sight = Plans(options.state), self._sight(table_name, options)
        end = self._stand(plans, end_offset, 0)
        start = self._stand(plans, start_offset, 0)
        back = options.settings.late_data.look_back // timedelta(microseconds=1)
        spans = {}
        for tag, floor in end.floors.items():
            begin = max(floor, start.until - back) if tag in start.floors else floor
            if begin < end.until and (tag not in start.floors or start.until < end.until):
                spans[tag] = Span(begin, end.until)
        known = sight.known(sorted(spans))
        found = loads(
            options.table,
            {tag: span for tag, span in spans.items() if tag in known},
            known,
            sight.rates,
            tasks=options.partitions,
        )
        note = f"{options.state}/left/{_position(end_offset).key}" if options.state else None
        cut = portions(
            found, options.settings, tasks=options.partitions, ingested_at=SystemClock().now(), note=note
        )
        return _descriptors(cast("Sequence[Portion]", cut))

    def read_partition(
        self, table_name: str, partition: Mapping[str, Any], table_options: Options
    ) -> Iterator[dict[str, Any]]:
        """The rows of one partition; runs on an executor and needs nothing but its arguments."""
        options = self._options(table_name, table_options)
        spec = self._spec(table_name)
        portion = Portion(
            json.loads(partition["units"]),
            share_of(options.settings, partition["tasks"], partition["task"]),
            ingested_at=partition["ingested_at"],
            note=partition["note"] or None,
        )
        return records(read_portion(self.plant, spec, portion, Rows(spec.arrow_schema)))

    def list_namespaces(self, prefix: Sequence[str] | None = None) -> list[list[str]]:
        """One level: kinds of tables."""
        return [] if prefix else [[kind] for kind in sorted({_kind(spec) for spec in self.plant.specs()})]

    def list_tables_in_namespace(self, namespace: Sequence[str]) -> list[str]:
        """The tables of one kind. Raises ``SettingsError`` for a kind that does not exist."""
        found = [spec.name for spec in self.plant.specs() if [_kind(spec)] == list(namespace)]
        if not found:
            kinds = ", ".join(kind for [kind] in self.list_namespaces())
            raise SettingsError(
                "there is no such namespace", subject=".".join(namespace), hint=f"there are {kinds}"
            )
        return found

    def _spec(self, table: str) -> TableSpec:
        return self.plant.spec(table)

    def _options(self, table: str, table_options: Options) -> SparkOptions:
        merged = {_dotted(name): value for name, value in {**self._given, **table_options}.items()}
        kept = {name: value for name, value in merged.items() if name.lower() not in _HOST}
        return read_options({**kept, "table": self._spec(table).name})

    def _sight(self, table: str, options: SparkOptions) -> Sight:
        if table not in self._sights:
            self._sights[table] = Sight(self.plant, options)
            self._sights[table].freeze()
        return self._sights[table]

    def _stand(self, plans: Plans, offset: Mapping[str, str] | None, since: int) -> _Stand:
        if not offset:
            return _Stand(since, StreamPlan())
        position = _position(offset)
        return _Stand(position.at[0], plans.find(position))

    def _offset(self, plans: Plans, stand: _Stand) -> Offset:
        version, inline = plans.keep(stand.plan)
        return {"until": iso(stand.until), "plan": version, **({"tags": inline} if inline else {})}


def _plan(floors: Mapping[str, int]) -> StreamPlan:
    waves: dict[int, list[str]] = {}
    for tag, floor in floors.items():
        waves.setdefault(floor, []).append(tag)
    return StreamPlan(
        tuple(Wave(tuple(sorted(tags)), floor, floor, floor) for floor, tags in sorted(waves.items()))
    )


def _position(offset: Mapping[str, str]) -> Position:
    """Raises ``SettingsError`` for an offset that this connector did not write."""
    try:
        until = to_micros(datetime.fromisoformat(offset["until"]))
        return Position(offset["plan"], (until,), inline=offset.get("tags"))
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"the offset is not one of this connector: {json.dumps(dict(offset))[:200]}",
            hint="reset the table's checkpoint (full refresh)",
        ) from error


def _same(end: Offset, start: Mapping[str, str]) -> bool:
    return bool(start) and end["until"] == start.get("until") and end["plan"] == start.get("plan")


def _descriptors(found: Sequence[Portion]) -> list[dict[str, Any]]:
    """Partitions as primitives. Settings do not travel: the task has the connection's options itself."""
    return [
        {
            "units": json.dumps(portion.units),
            "task": index,
            "tasks": len(found),
            "ingested_at": portion.ingested_at,
            "note": portion.note or "",
        }
        for index, portion in enumerate(found)
    ]


def _kind(spec: TableSpec) -> str:
    return "recorded" if spec.grain is Grain.EVENT else "snapshots"


def _dotted(name: str) -> str:
    """A connection's parameters have no dots: ``auth_password`` is ``auth.password``."""
    return _FLAT.get(name.lower(), name)


_FLAT = {path.replace(".", "_"): path for path in DECLARED.leaves}
