"""``selectedFields``: semicolon-separated, dotted, any case (PI Web API reference, topic Selected Fields)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Tree = dict[str, Any]  # folded name -> subtree; an empty subtree keeps everything below


def parse_fields(texts: Sequence[str]) -> Tree | None:
    """The selection as a tree, or None when nothing is selected, which keeps everything."""
    tree: Tree = {}
    for path in ";".join(texts).split(";"):
        parts = [part.strip().casefold() for part in path.split(".") if part.strip()]
        _grow(tree, parts)
    return tree or None


def _grow(tree: Tree, parts: list[str]) -> None:
    for place, part in enumerate(parts):
        known = tree.get(part)
        if known is not None and not known:
            return  # a shorter path already keeps all of it
        if place == len(parts) - 1:
            tree[part] = {}
            return
        tree = tree.setdefault(part, {})


def prune(value: Any, tree: Tree | None) -> Any:
    """What of ``value`` is selected. Lists are walked through by name; unknown names are ignored."""
    if not tree:
        return value
    if isinstance(value, list):
        kept = [prune(item, tree) for item in value]
        return [item for item in kept if item != {}] if any(isinstance(v, dict) for v in value) else kept
    if not isinstance(value, dict):
        return {}
    kept_items = {}
    for name, item in value.items():
        below = tree.get(name.casefold())
        if below is None:
            continue
        if below and not isinstance(item, dict | list):
            continue
        pruned = prune(item, below)
        if below and pruned == {}:
            continue  # "parents with nothing selected disappear"
        kept_items[name] = pruned
    return kept_items
