"""Which event frames the lake knows: from when until when, for each asset database.

Both ends are transactions in the log of ``pi_event_frames``.
"""

from __future__ import annotations

from collections.abc import Mapping

from pi_lakeflow.historians.pi.tables.eventframes import PI_EVENT_FRAMES
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import SECOND, Span
from pi_lakeflow.model.work import APP_ID_PREFIX, position_of

FAR = 253_402_300_800 * SECOND  # the year 10000


def end_id(database_webid: str) -> str:
    """The transaction that says up to which moment everything is known."""
    return f"{APP_ID_PREFIX}event_frames/{database_webid}"


def start_id(database_webid: str) -> str:
    """The transaction that says from which moment on everything is known."""
    return f"{end_id(database_webid)}/history"


def start_version(start: int) -> int:
    """``start`` moves back only, and versions must grow."""
    return FAR - start


def start_of(version: int | None) -> int | None:
    """The inverse of :func:`start_version`; None where nothing was read yet."""
    return None if version is None else FAR - version


def known_spans(lake: Lake) -> Mapping[str, Span]:
    """By the name of the database. Databases without event frames in the lake are left out; of those that
    share a name, what is known of all counts.
    """
    table = lake.table(PI_EVENT_FRAMES)
    if not table.exists():
        return {}
    pairs = table.read(["database_id", "database_name"]).group_by(["database_id", "database_name"])
    rows = pairs.aggregate([]).to_pylist()
    ids = [name for row in rows for name in (start_id(row["database_id"]), end_id(row["database_id"]))]
    stood = table.positions(ids)
    found: dict[str, Span] = {}
    for row in rows:
        start, end = start_of(stood[start_id(row["database_id"])]), stood[end_id(row["database_id"])]
        if start is None or end is None:
            continue
        known = Span(min(start, position_of(end)), position_of(end))
        found[row["database_name"]] = _common(found.get(row["database_name"], known), known)
    return found


def _common(one: Span, other: Span) -> Span:
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Span(min(start, end), end)
