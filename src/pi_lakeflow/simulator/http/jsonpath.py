"""The JSONPath dialect of Json.NET, as far as batches use it: ``$.id.Content.Items[*].WebId``,
``$['id'].Content.Items[?(@.Name=='X')].WebId``, ``[0]``, ``[-1:]``, ``..WebId``.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterator[Any]]
_NAME = re.compile(r"\.\.?(\*|[^.\[\]]+)")
_COMPARE = re.compile(r"@((?:\.\w+(?: \w+)*|\[[^\]]+\])*)\s*(?:(==|!=|<>|<=|>=|<|>)\s*(.+))?", re.DOTALL)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class BadPath(ValueError):
    """The text is no JSONPath."""


def select(document: Any, path: str) -> list[Any]:
    """All tokens that the path selects, in order; names are case-sensitive."""
    found = [document]
    for step in _steps(path.strip()):
        found = [below for value in found for below in step(value)]
    return found


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[Step, ...]:
    rest = path.removeprefix("$")
    if rest == path:
        rest = "." + path
    steps: list[Step] = []
    while rest:
        if rest[0] == "[":
            inside, rest = _bracket(rest, path)
            steps.append(_inside(inside, path))
            continue
        match = _NAME.match(rest)
        if match is None:
            if rest.startswith("..["):
                steps.append(_descendants)
                rest = rest[2:]
                continue
            raise BadPath(path)
        if match.group().startswith(".."):
            steps.append(_descendants)
        steps.append(_children if match[1] == "*" else _named(match[1]))
        rest = rest[match.end() :]
    return tuple(steps)


def _bracket(text: str, path: str) -> tuple[str, str]:
    """What stands in the brackets that ``text`` begins with, and what follows them."""
    depth, quote = 0, ""
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
            if not depth:
                return text[1:place].strip(), text[place + 1 :]
    raise BadPath(path)


def _inside(text: str, path: str) -> Step:
    if text == "*":
        return _children
    if text.startswith("?(") and text.endswith(")"):
        return _filter(text[2:-1], path)
    if text[:1] in "'\"" and text[-1:] == text[:1] and len(text) > 1:
        return _named(text[1:-1])
    if re.fullmatch(r"-?\d*:-?\d*(:-?\d*)?", text):
        return _slice(text)
    if re.fullmatch(r"\d+(\s*,\s*\d+)*", text):
        return _indices([int(part) for part in text.split(",")])
    raise BadPath(path)


def _named(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _slice(text: str) -> Step:
    cut = slice(*(int(part) if part else None for part in text.split(":")))

    def step(value: Any) -> Iterator[Any]:
        yield from value[cut] if isinstance(value, list) else ()

    return step


def _indices(places: list[int]) -> Step:
    def step(value: Any) -> Iterator[Any]:
        yield from (value[p] for p in places if isinstance(value, list) and p < len(value))

    return step


def _children(value: Any) -> Iterator[Any]:
    yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _descendants(value: Any) -> Iterator[Any]:
    yield value
    for below in _children(value):
        yield from _descendants(below)


def _filter(text: str, path: str) -> Step:
    """Conditions joined by ``&&`` and ``||``, the first of which binds closer."""
    choices = [[_condition(c.strip(), path) for c in _split(part, "&&")] for part in _split(text, "||")]

    def step(value: Any) -> Iterator[Any]:
        for below in _children(value):
            if any(all(condition(below) for condition in group) for group in choices):
                yield below

    return step


def _split(text: str, sign: str) -> list[str]:
    """Cut at ``sign`` outside of quotes."""
    quoted = re.compile(rf"(?:'[^']*'|\"[^\"]*\"|(?!{re.escape(sign)}).)*", re.DOTALL)
    parts, at = [], 0
    while True:
        match = quoted.match(text, at)
        end = match.end() if match else at
        parts.append(text[at:end])
        if end >= len(text):
            return parts
        at = end + len(sign)


def _condition(text: str, path: str) -> Callable[[Any], bool]:
    match = _COMPARE.fullmatch(text)
    if match is None:
        raise BadPath(path)
    inner, sign, literal = match.groups()
    steps = _steps("$" + inner)
    wanted = _literal(literal.strip(), path) if sign else None

    def condition(value: Any) -> bool:
        found = [value]
        for step in steps:
            found = [below for item in found for below in step(item)]
        return any(_holds(item, sign, wanted) for item in found) if sign else bool(found)

    return condition


def _literal(text: str, path: str) -> Any:
    if text[:1] == "'" and text[-1:] == "'" and len(text) > 1:
        return text[1:-1].replace("\\'", "'").replace("\\\\", "\\")
    try:
        return json.loads(text)
    except ValueError:
        raise BadPath(path) from None


def _holds(found: Any, sign: str, wanted: Any) -> bool:
    try:
        return type(found) is not dict and _OPERATORS[sign](found, wanted)
    except TypeError:
        return False
