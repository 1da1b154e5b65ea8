"""How a section of the configuration is declared, and what can be asked about the declaration.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Tls:
        verify: bool = key(BOOLEAN, default=True, doc="Check the server's certificate.")

The declaration is the only place that knows a key. Reading, error messages, ``config show``
and the reference page derive from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any

from pi_lakeflow.settings.kinds import Kind


@dataclass(frozen=True, slots=True)
class Leaf:
    """One key. ``path`` is dotted. ``aliases`` are further dotted paths that mean the same.

    ``unset`` is what is shown when there is no value.
    """

    path: str
    kind: Kind
    default: Any
    doc: str
    aliases: tuple[str, ...] = ()
    unset: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A group of keys. A plain value in its place is read as its key ``shorthand``."""

    path: str
    type: type[Any]
    doc: str
    shorthand: str | None = None


def key(
    kind: Kind,
    *,
    doc: str,
    default: Any = None,
    aliases: tuple[str, ...] = (),
    unset: str = "",
) -> Any:
    """A field of a section: one key. ``default`` None means that the key has no value unless given."""
    return field(default=default, metadata={"leaf": (kind, doc, aliases, unset)})


def section(kind: type[Any], *, doc: str, shorthand: str | None = None) -> Any:
    """A field of a section: a section below it."""
    return field(default_factory=kind, metadata={"section": (kind, doc, shorthand)})


class Declaration:
    """What ``root`` declares: ``leaves`` and ``sections`` by dotted path in order of declaration,
    and the path that each of the ``aliases`` stands for."""

    def __init__(self, root: type[Any]) -> None:
        parts = list(_walk(root, ""))
        self.leaves = {part.path: part for part in parts if isinstance(part, Leaf)}
        self.sections = {part.path: part for part in parts if isinstance(part, Section)}
        self.aliases = {alias: leaf.path for leaf in self.leaves.values() for alias in leaf.aliases}


def _walk(root: type[Any], prefix: str) -> Iterator[Leaf | Section]:
    for part in fields(root):
        path = f"{prefix}{part.name}"
        if "leaf" in part.metadata:
            kind, doc, names, unset = part.metadata["leaf"]
            yield Leaf(path, kind, part.default, doc, names, unset)
        elif "section" in part.metadata:
            yield _section(part, path)
            yield from _walk(part.metadata["section"][0], f"{path}.")


def _section(part: Field[Any], path: str) -> Section:
    kind, doc, shorthand = part.metadata["section"]
    return Section(path, kind, doc, shorthand)
