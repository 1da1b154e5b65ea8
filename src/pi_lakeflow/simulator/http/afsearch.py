"""AFSearch queries (PI Web API reference, topic Search Query Syntax).

``Filter:Operator Value`` pairs with blanks between them, all of which must hold; a bare text is a mask
for names. ``Name:='Pump *' Severity:>=Minor Start:>*-1d Element:{ Template:=Pump } SortField:StartTime``
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from .errors import ApiError

T = TypeVar("T")
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")
# Other names of the same filter
_SAME = {
    "categoryname": "category",
    "elementname": "element",
    "templatename": "template",
    "analysisname": "analysis",
    "pluginname": "plugin",
    "starttime": "start",
    "endtime": "end",
}
_FILTER = re.compile(r"\s*([A-Za-z]+)\s*:\s*(<>|<=|>=|=|<|>|IN\s*\()?\s*", re.IGNORECASE)
_QUOTED = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"")
_BARE = re.compile(r"[^\s}]+")


@dataclass(frozen=True, slots=True)
class Condition:
    """``field`` in lower case, without the ``Name`` of ``CategoryName``. ``IN`` has several values; a
    nested query has none. The operator of both is ``=``.
    """

    field: str
    operator: str
    values: tuple[str, ...]
    nested: Query | None = None

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""

    def of_text(self, text: str) -> bool:
        """Whether a text fits: masks with ``*`` and ``?``, in any case."""
        if self.operator in ("=", "<>"):
            fits = any(mask(value).fullmatch(text) is not None for value in self.values)
            return fits is (self.operator == "=")
        return compare(self.operator, text.casefold(), self.value.casefold())

    def of_texts(self, texts: Iterable[str]) -> bool:
        """Whether one of several texts fits; ``<>`` means that none is it."""
        fits = [self.of_text(text) for text in texts]
        return all(fits) if self.operator == "<>" else any(fits)

    def of_flag(self, *, flag: bool) -> bool:
        """Whether a Boolean fits."""
        words = {"true": True, "false": False, "1": True, "0": False}
        if self.value.casefold() not in words:
            raise bad_query(f"{self.field}:{self.value}")
        return (words[self.value.casefold()] is flag) is (self.operator != "<>")

    def of(self, found: T, read: Callable[[str], T]) -> bool:
        """Whether a value with an order fits; ``read`` makes one from the query's text."""
        wanted = [read(value) for value in self.values]
        if self.operator in ("=", "<>"):
            return (found in wanted) is (self.operator == "=")
        return compare(self.operator, found, wanted[0])


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. ``sort_field`` is ``""`` when the query names none."""

    conditions: tuple[Condition, ...]
    sort_field: str = ""
    descending: bool = False

    def all_of(self, field: str) -> Iterator[Condition]:
        """The conditions on one field (lower case)."""
        return (condition for condition in self.conditions if condition.field == field)

    def flag(self, field: str, *, default: bool) -> bool:
        """A switch such as AllDescendants."""
        found = [condition.of_flag(flag=True) for condition in self.all_of(field)]
        return all(found) if found else default


def parse_query(text: str, fields: Iterable[str]) -> Query:
    """The conditions of a query; a 400 when its syntax is wrong or it uses another filter than ``fields``
    (lower case; SortField and SortOrder are always known)."""
    query, rest = _parse(text, 0)
    known = {*fields, "sortfield", "sortorder"}
    unknown = [c.field for c in query.conditions if c.field not in known]
    if unknown or text[rest:].strip():
        raise bad_query(unknown[0] if unknown else text[rest:].strip())
    return query


def bad_query(what: str) -> ApiError:
    """The real wording is not public."""
    return ApiError(400, f"The search query is not valid near '{what}'.", generic=True)


def compare(operator: str, found: Any, wanted: Any) -> bool:
    """``found operator wanted`` for values of one type that has an order."""
    below, above = bool(found < wanted), bool(found > wanted)
    return {"<": below, "<=": not above, ">": above, ">=": not below}[operator]


@lru_cache(maxsize=256)
def mask(text: str) -> re.Pattern[str]:
    """A mask with ``*`` and ``?``, case-insensitive."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _parse(text: str, at: int) -> tuple[Query, int]:
    conditions: list[Condition] = []
    sort_field, descending = "", False
    while text[at:].strip() and not text[at:].lstrip().startswith("}"):
        condition, at = _condition(text, at)
        if condition.field == "sortfield":
            sort_field = condition.value
        elif condition.field == "sortorder":
            descending = condition.value.casefold().startswith("desc")
        else:
            conditions.append(condition)
    return Query(tuple(conditions), sort_field, descending), at


def _condition(text: str, at: int) -> tuple[Condition, int]:
    match = _FILTER.match(text, at)
    if match is None:
        value, at = _value(text, at)
        return Condition("name", "=", (value,)), at
    field = match[1].casefold()
    field = _SAME.get(field, field)
    operator, at = (match[2] or "=").upper(), match.end()
    if operator.startswith("IN"):
        values, at = _several(text, at)
        return Condition(field, "=", values), at
    if text[at : at + 1] == "{":
        nested, at = _parse(text, at + 1)
        closing = text.find("}", at)
        if closing < 0 or text[at:closing].strip():
            raise bad_query(text[at:])
        return Condition(field, "=", (), nested), closing + 1
    value, at = _value(text, at)
    return Condition(field, operator, (value,)), at


def _several(text: str, at: int) -> tuple[tuple[str, ...], int]:
    closing = text.find(")", at)
    if closing < 0:
        raise bad_query(text[at:])
    parts = (part.strip().strip("'\"") for part in text[at:closing].split(";"))
    return tuple(part for part in parts if part), closing + 1


def _value(text: str, at: int) -> tuple[str, int]:
    at += len(text[at:]) - len(text[at:].lstrip())
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        inner = quoted[1].replace("''", "'") if quoted[1] is not None else quoted[2].replace('""', '"')
        return inner, quoted.end()
    bare = _BARE.match(text, at)
    if bare is None or bare[0][0] in "'\"":
        raise bad_query(text[at:] or text)
    return bare[0], bare.end()
