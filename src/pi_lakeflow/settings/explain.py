"""``config show``: each key, its value with secrets hidden, and where it came from."""

from __future__ import annotations

from typing import NamedTuple

from pi_lakeflow.settings.origins import DEFAULT
from pi_lakeflow.settings.schema import DECLARED, Settings


class Row(NamedTuple):
    """All three are texts to show. ``value`` is empty for a key that has none."""

    key: str
    value: str
    origin: str


def explain(settings: Settings) -> list[Row]:
    """One row for each key, in the order of the reference page."""
    return [
        Row(path, show(settings, path), str(settings.origins.get(path, DEFAULT))) for path in DECLARED.leaves
    ]


def show(settings: Settings, path: str) -> str:
    """The value of one key as text that may be printed."""
    leaf = DECLARED.leaves[path]
    value = settings.value(path)
    empty = value is None or value in ((), {}) or (path == "tags" and not value)
    return leaf.unset.replace("`", "") if empty else leaf.kind.show(value)
