"""Which tags: what people write under ``tags`` as small typed objects.

Reading the configuration asks no server. What a mask or a query stands for is found out later,
and again in each run, so that new tags are picked up by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pi_lakeflow.errors import SettingsError


class SelectorKind(StrEnum):
    """What a selector's text is."""

    ALL = "all"  # every point of the data server
    NAME = "name"  # name of a PI point
    MASK = "mask"  # names of PI points with * and ?
    POINT = "point"  # \\server\tag
    ATTRIBUTE = "attribute"  # \\server\database\element|attribute
    ELEMENT = "element"  # \\server\database\element: its attributes
    WEBID = "webid"
    AF_QUERY = "af_query"  # AF search syntax, finds attributes
    UNDER = "under"  # \\server\database[\element]: the points that attributes below refer to
    POINT_QUERY = "point_query"  # AF SDK's point query syntax


@dataclass(frozen=True, slots=True)
class Selector:
    """One entry. ``server`` is the data server of POINT, MASK, ALL and POINT_QUERY when the entry
    names one, and the asset database (``\\\\server\\database``) of AF_QUERY. The other fields narrow
    UNDER: an element template (or one that extends it), a mask for attribute names, an attribute category.
    """

    kind: SelectorKind
    text: str
    server: str | None = None
    template: str | None = None
    attribute: str | None = None
    category: str | None = None

    @property
    def may_be_webid(self) -> bool:
        """A bare name that has the form of a point's or an attribute's WebId."""
        return self.kind is SelectorKind.NAME and _WEBID.match(self.text) is not None

    def __str__(self) -> str:
        if self.kind in _BARE:
            return self.text
        more = {"template": self.template, "attribute": self.attribute, "category": self.category}
        narrowed = "".join(f", {name}: {value}" for name, value in more.items() if value)
        return f"{self.kind}: {self.text}{narrowed}"


_BARE = (
    SelectorKind.ALL,
    SelectorKind.NAME,
    SelectorKind.MASK,
    SelectorKind.POINT,
    SelectorKind.ATTRIBUTE,
    SelectorKind.ELEMENT,
)
_WEBID = re.compile(r"[FIPLD][01](?:DP|Ab[EF])[\w-]+$", re.ASCII)  # PI Web API reference, topic "WebID"


@dataclass(frozen=True, slots=True)
class Selection:
    """All entries, each once, in the order in which they were written. Empty: nothing was chosen."""

    selectors: tuple[Selector, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.selectors)

    def __iter__(self) -> Iterator[Selector]:
        return iter(self.selectors)

    def __len__(self) -> int:
        return len(self.selectors)

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.selectors[:3]))
        more = len(self.selectors) - 3
        return f"{shown} and {more} more" if more > 0 else shown


def parse_selection(given: object, *, base: Path | None = None) -> Selection:
    """Read one entry or a list of entries. Files count from ``base``.

    Raises ``SettingsError``; its ``subject`` is ``tags`` or ``tags[number]``.
    """
    if isinstance(given, Selection):
        return given
    folder = base or Path()
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        found = [s for number, entry in enumerate(given) for s in _entry(entry, f"tags[{number}]", folder)]
    else:
        found = list(_entry(given, "tags", folder))
    return Selection(tuple(dict.fromkeys(found)))


def _entry(given: object, where: str, base: Path) -> Iterator[Selector]:
    if isinstance(given, Mapping):
        yield from _mapping(given, where, base)
    elif not isinstance(given, str) or not given.strip():
        raise SettingsError(f"{given!r} is not a tag", subject=where, hint=_FORMS)
    elif given.startswith("@"):
        yield from _file(given[1:], where, base)
    else:
        yield _text(given.strip(), where)


def _text(text: str, where: str) -> Selector:
    prefix, colon, rest = text.partition(":")
    if colon and prefix in ("webid", "name") and rest:
        return Selector(SelectorKind(prefix), rest)
    if text.lower() == "all":
        return Selector(SelectorKind.ALL, "all")
    if text.startswith("\\\\"):
        return _path(text, where)
    if "|" in text or "\\" in text:
        raise SettingsError(f"{text!r} is a path without its beginning", subject=where, hint=_FORMS)
    return Selector(SelectorKind.MASK if _is_mask(text) else SelectorKind.NAME, text)


def _path(text: str, where: str) -> Selector:
    parts = text[2:].split("\\")
    if len(parts) < 2 or not all(parts):
        raise SettingsError(f"{text!r} is not a path", subject=where, hint=_FORMS)
    if len(parts) == 2 and "|" not in text:
        kind = SelectorKind.MASK if _is_mask(parts[1]) else SelectorKind.POINT
        return Selector(kind, parts[1] if kind is SelectorKind.MASK else text, parts[0])
    if _is_mask(text):
        raise SettingsError(f"{text!r}: AF paths take no masks", subject=where, hint="use {af_query: ...}")
    if "|" in text:
        return Selector(SelectorKind.ATTRIBUTE, text)
    return Selector(SelectorKind.ELEMENT, text)


def _is_mask(text: str) -> bool:
    return "*" in text or "?" in text


def _mapping(given: Mapping[Any, Any], where: str, base: Path) -> Iterator[Selector]:
    form = next((form for form in (*_MAPPINGS, _UNDER) if form[0] in given), None)
    unknown = sorted(map(str, given.keys() - set(form or ())))
    if form is None or unknown:
        raise SettingsError(f"unknown here: {', '.join(unknown)}", subject=where, hint=_FORMS)
    for key, value in given.items():
        if not isinstance(value, str) or not value.strip():
            raise SettingsError(f"{value!r} is not a text", subject=f"{where}.{key}", hint=_FORMS)
    if form[0] == "file":
        yield from _file(given["file"], where, base)
    elif form is _UNDER:
        yield _under({key: value.strip() for key, value in given.items()}, where)
    else:
        yield Selector(SelectorKind(form[0]), given[form[0]].strip(), given.get(form[1]))


_MAPPINGS = (("file", ""), ("af_query", "database"), ("point_query", "data_server"))
_UNDER = ("under", "template", "attribute", "category")


def _under(given: Mapping[str, str], where: str) -> Selector:
    path = given["under"].rstrip("\\")
    if not path.startswith("\\\\") or not all(path[2:].split("\\")) or "\\" not in path[2:]:
        raise SettingsError(f"{path!r} is no path in AF", subject=f"{where}.under", hint=_FORMS)
    narrowed = {name: given.get(name) for name in _UNDER[1:]}
    return Selector(SelectorKind.UNDER, path, None, **narrowed)


def _file(name: str, where: str, base: Path) -> Iterator[Selector]:
    """One entry a line; empty lines and lines that start with ``#`` count for nothing."""
    path = base / Path(name.strip()).expanduser()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise SettingsError(
            f"cannot read the list of tags {path}: {why}",
            subject=where,
            hint=f"write one tag a line into {path.name}; relative paths count from the file's folder",
        ) from error
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield _text(text, f"{path.name}:{number}")


_FORMS = (
    "a tag's name, a mask ('SINUS*'), 'all', \\\\server\\tag, \\\\server\\database\\element|attribute, "
    "webid:..., name:..., @file.txt, {af_query: ...}, {point_query: ...}, "
    "{under: \\\\server\\database\\element, template: ..., attribute: ...}, or a list of these"
)
