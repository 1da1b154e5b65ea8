"""Up to which moment changes of the archive were heard: written where the corrections are.

A moment belongs to a set of tags. The set stands in ``pi_followed`` under an id made of its tags; the
moment is the version of an application transaction in the data table's log, as a lane's position is.
It is committed after the corrections that it promises, so it can never run ahead of the data.

The markers in ``pi_update_markers`` come last of all: who goes on from one hears everything that is not
in the lake, and perhaps some things twice, which does no harm.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping

import pyarrow as pa

from pi_lakeflow.flow.tables import PI_FOLLOWED, PI_UPDATE_MARKERS
from pi_lakeflow.model.ports import LaneMoved, Table
from pi_lakeflow.model.work import APP_ID_PREFIX, Mark


class FollowedBook:
    """Reads and writes those moments for one data table."""

    def __init__(self, followed: Table, markers: Table, data: Table) -> None:
        self._followed = followed
        self._markers = markers
        self._data = data
        self._sets: dict[str, set[str]] | None = None

    def moments(self) -> dict[str, int]:
        """For each tag the latest moment (microseconds) up to which its changes are in the lake."""
        sets = self._load()
        positions = self._data.positions([_app_id(name) for name in sets])
        found: dict[str, int] = {}
        for name, webids in sets.items():
            moment = positions[_app_id(name)]
            if moment is not None:
                found |= {webid: max(moment, found.get(webid, moment)) for webid in webids}
        return found

    def markers(self) -> dict[str, str]:
        """For each tag where to go on; of a data table that is not there nothing was heard."""
        if not self._markers.exists() or not self._data.exists():
            return {}
        rows = self._markers.read(["tag_webid", "marker", "data_table"])
        of_table = zip(*(column.to_pylist() for column in rows.columns), strict=True)
        return {
            webid: marker for webid, marker, table in of_table if table == self._data.spec.name and marker
        }

    def mark(self, markers: Mapping[str, str], moment: int) -> None:
        """Changes of these tags before ``moment``, and before the markers, are in the lake, or lie where
        coverage claims nothing."""
        if not markers or not self._data.exists():
            return
        self._mark(markers.keys(), moment)
        columns = [list(markers), list(markers.values()), [self._data.spec.name] * len(markers)]
        schema = PI_UPDATE_MARKERS.arrow_schema
        self._markers.merge(pa.table([pa.array(c) for c in columns], schema=schema))

    def _mark(self, webids: Collection[str], moment: int) -> None:
        name = _name(webids)
        if name not in self._load():
            self._followed.add(_rows(name, webids, self._data.spec.name))
            self._load()[name] = set(webids)
        while True:
            before = self._data.positions([_app_id(name)])[_app_id(name)]
            if before is not None and before >= moment:
                return
            nothing = self._data.spec.arrow_schema.empty_table()
            try:
                self._data.merge(nothing, marks=[Mark(_app_id(name), before, moment)])
            except LaneMoved:
                continue  # somebody else follows the same tags
            return

    def _load(self) -> dict[str, set[str]]:
        if self._sets is None:
            self._sets = defaultdict(set)
            if self._followed.exists():
                rows = self._followed.read(["followed", "tag_webid", "data_table"])
                for name, webid, table in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                    if table == self._data.spec.name:
                        self._sets[name].add(webid)
        return self._sets


def _app_id(name: str) -> str:
    return f"{APP_ID_PREFIX}followed/{name}"


def _name(webids: Collection[str]) -> str:
    return hashlib.blake2b("\n".join(sorted(webids)).encode(), digest_size=10).hexdigest()


def _rows(name: str, webids: Collection[str], data_table: str) -> pa.Table:
    columns = [[name] * len(webids), sorted(webids), [data_table] * len(webids)]
    schema = PI_FOLLOWED.arrow_schema
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
