"""AFSearch queries: ``Template:=Pump Name:'A*' Element:{ Category:=Rotating } Start:>*-1d``.

Pairs of filter, operator and value, separated by spaces, all of which must hold (PI Web API reference,
topic Search Query Syntax). A bare word is a name mask. ``parse_query`` makes a :class:`Query`;
:func:`matcher` turns it into a predicate, given what each filter looks at. A query that makes no sense
is a 400.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from .errors import ApiError

T = TypeVar("T")
Getter = Callable[[T], Any]
_OPERATOR = re.compile(r":(<=|>=|<>|=|<|>|IN\b)?", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z]+")
_ORDER = {"<", "<=", ">", ">="}


@dataclass(frozen=True, slots=True)
class Condition:
    """One pair: ``values`` has several after IN; ``inner`` is the query in braces."""

    name: str
    operator: str
    values: tuple[str, ...] = ()
    inner: Query | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions, all of which must hold. Names are compared without case."""

    conditions: tuple[Condition, ...] = ()

    def option(self, name: str, default: str = "") -> str:
        """The value of a filter that is an option: ``SortField``, ``Root``, ``AllDescendants``."""
        found = [c for c in self.conditions if c.name.casefold() == name.casefold()]
        if any(c.operator != "=" or len(c.values) != 1 for c in found):
            raise bad_query(f"the filter '{name}' needs the operator ':='")
        return found[-1].values[0] if found else default

    def without(self, *names: str) -> Query:
        """The other conditions."""
        folded = {name.casefold() for name in names}
        return replace(self, conditions=tuple(c for c in self.conditions if c.name.casefold() not in folded))


def bad_query(reason: str) -> ApiError:
    """The server's answer to a query that it does not understand. The real wording is not public."""
    return ApiError(400, f"The search query is not valid: {reason}.", generic=True)


def parse_query(text: str) -> Query:
    """The conditions of a query; an empty one has none."""
    query, rest = _conditions(text, 0, nested=False)
    if text[rest:].strip():
        raise bad_query(f"'{text[rest:].strip()[:40]}' is left over")
    return query


def _conditions(text: str, at: int, *, nested: bool) -> tuple[Query, int]:
    found: list[Condition] = []
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text) or (nested and text[at] == "}"):
            return Query(tuple(found)), at
        condition, at = _condition(text, at)
        found.append(condition)


def _condition(text: str, at: int) -> tuple[Condition, int]:
    name = _NAME.match(text, at)
    operator = _OPERATOR.match(text, name.end()) if name else None
    if name is None or operator is None:  # a mask for the name
        value, at = _value(text, at)
        return Condition("Name", "=", (value,)), at
    sign = (operator[1] or "=").upper()
    at = operator.end()
    while at < len(text) and text[at] == " " and sign != "IN":
        at += 1
    if text[at : at + 1] == "{":
        inner, end = _conditions(text, at + 1, nested=True)
        if text[end : end + 1] != "}":
            raise bad_query("a brace is not closed")
        return Condition(name[0], sign, (), inner), end + 1
    if sign == "IN":
        values, at = _list(text, at)
        return Condition(name[0], sign, values), at
    value, at = _value(text, at)
    return Condition(name[0], sign, (value,)), at


def _value(text: str, at: int) -> tuple[str, int]:
    quote = text[at : at + 1]
    if quote in ("'", '"'):
        end = text.find(quote, at + 1)
        if end < 0:
            raise bad_query("a quote is not closed")
        return text[at + 1 : end], end + 1
    end = at
    while end < len(text) and not text[end].isspace() and text[end] not in "{}":
        end += 1
    if end == at:
        raise bad_query("a value is missing")
    return text[at:end], end


def _list(text: str, at: int) -> tuple[tuple[str, ...], int]:
    end = text.find(")", at)
    if text[at : at + 1] != "(" or end < 0:
        raise bad_query("IN needs a list in parentheses")
    values = tuple(part.strip().strip("'\"") for part in text[at + 1 : end].split(";") if part.strip())
    if not values:
        raise bad_query("IN needs values")
    return values, end + 1


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """What a filter looks at. ``get`` gives a text, several (any of them may match), a number or a
    Boolean; ``read`` turns the text of the query into something comparable, such as a time.
    ``inner`` are the fields of the query in braces, which then looks at the objects of ``get``.
    """

    get: Getter[T]
    read: Callable[[str], Any] | None = None
    inner: Mapping[str, Field[Any]] | None = None


def matcher(query: Query, fields: Mapping[str, Field[T]]) -> Callable[[T], bool]:
    """A predicate. ``fields`` maps names of filters in lower case; another name is a 400."""
    checks = [_check(condition, fields) for condition in query.conditions]
    return lambda item: all(check(item) for check in checks)


def _check(condition: Condition, fields: Mapping[str, Field[T]]) -> Callable[[T], bool]:
    field = fields.get(condition.name.casefold())
    if field is None:
        raise bad_query(f"the filter '{condition.name}' does not apply")
    if condition.inner is not None:
        return _nested(condition.inner, field)
    if field.read is not None:
        return _compared(condition, field.get, field.read)
    if condition.operator in _ORDER:
        raise bad_query(f"the filter '{condition.name}' cannot be compared")
    masks = [mask(value) for value in condition.values]
    negate = condition.operator == "<>"

    def check(item: T) -> bool:
        hit = any(m.fullmatch(text) for text in _texts(field.get(item)) for m in masks)
        return hit is not negate

    return check


def _nested(query: Query, field: Field[T]) -> Callable[[T], bool]:
    if field.inner is None:
        raise bad_query("braces are not allowed there")
    inner = matcher(query, field.inner)

    def check(item: T) -> bool:
        found = field.get(item)
        return any(inner(f) for f in found) if isinstance(found, list | tuple) else inner(found)

    return check


def _compared(condition: Condition, get: Getter[T], read: Callable[[str], Any]) -> Callable[[T], bool]:
    limits = [read(value) for value in condition.values]
    operator, limit = condition.operator, limits[0]

    def check(item: T) -> bool:
        value = get(item)
        if value is None:
            return False
        tests = {
            "=": value == limit,
            "<>": value != limit,
            "<": value < limit,
            "<=": value <= limit,
            ">": value > limit,
            ">=": value >= limit,
        }
        return value in limits if operator == "IN" else bool(tests[operator])

    return check


def flag(text: str) -> bool:
    """``true`` or ``false`` in a query."""
    if text.casefold() not in ("true", "false"):
        raise bad_query(f"'{text}' is neither true nor false")
    return text.casefold() == "true"


def mask(text: str) -> re.Pattern[str]:
    """A mask with ``*`` and ``?`` and, as AF has it, ``[abc]`` and ``[!abc]``; case does not matter."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        char, end = text[at], text.find("]", at)
        if char == "[" and end > at + 1:
            inside = text[at + 1 : end]
            negated = inside.startswith("!")
            parts.append(f"[{'^' if negated else ''}{re.escape(inside[negated:])}]")
            at = end
        else:
            parts.append({"*": ".*", "?": "."}.get(char, re.escape(char)))
        at += 1
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _texts(found: Any) -> Sequence[str]:
    return (found,) if isinstance(found, str) else [str(item) for item in found]
