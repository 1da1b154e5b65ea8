"""Tables that bear one of our names and are somebody else's: never read as ours, never written."""

from __future__ import annotations

from deltalake import DeltaTable, Schema

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.tables import TableSpec


def refuse_foreign(table: DeltaTable, spec: TableSpec, path: str) -> None:
    """Raises ``SettingsError`` when the key or the partitions are not those of ``spec``.

    Other columns may differ: versions of ours add some, and people may add their own.
    """
    needed = {*spec.key, *spec.partition_by}
    wanted = {each.name: str(each.type) for each in Schema.from_arrow(spec.arrow_schema).fields}
    held = {each.name: str(each.type) for each in table.schema().fields}
    odd = sorted(name for name in needed if held.get(name) != wanted[name])
    if odd:
        raise SettingsError(
            f"the table there is not ours: its {odd[0]} is {_told(held.get(odd[0]))}",
            subject=path,
            hint="choose another `lake`, `catalog` or `schema`, or move that table away",
        )
    partitions = table.metadata().partition_columns
    if list(partitions) != list(spec.partition_by):
        raise SettingsError(
            f"the table there is not ours: it is partitioned by {', '.join(partitions) or 'nothing'}"
            f", not by {', '.join(spec.partition_by) or 'nothing'}",
            subject=path,
            hint="choose another `lake`, `catalog` or `schema`, or move that table away",
        )


def _told(kind: str | None) -> str:
    return "missing" if kind is None else f"a {kind}"
