"""``config show``: each key, its value with secrets hidden, and where it came from."""

from __future__ import annotations

from typing import NamedTuple

from pi_lakeflow.settings.origins import DEFAULT, Layer
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


def without_effect(settings: Settings) -> list[str]:
    """Keys that were given another value than their default although nothing reads them yet."""
    return [
        path
        for path, leaf in DECLARED.leaves.items()
        if not leaf.used
        and settings.origins.get(path, DEFAULT).layer is not Layer.DEFAULT
        and settings.value(path) != leaf.default
    ]


def show(settings: Settings, path: str) -> str:
    """The value of one key as text that may be printed."""
    leaf = DECLARED.leaves[path]
    value = settings.value(path)
    empty = value is None or value in ((), {}) or (path == "tags" and not value)
    return leaf.unset.replace("`", "") if empty else leaf.kind.show(value)
