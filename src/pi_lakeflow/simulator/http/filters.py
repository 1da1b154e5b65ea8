"""``filterExpression``: the comparisons of the performance-equation language that clients use.

``'.' > 50``, ``'.' <= 10 and '.' <> 3``, ``'.' = "Open"``, ``not (...)``, ``BadVal('.')``,
``IsSet('.', "a")`` (annotated; ``q`` questionable, ``s`` substituted).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pi_lakeflow.simulator.world.events import (
    ANNOTATED,
    DIGITAL,
    GOOD,
    INTEGER,
    NUMBER,
    QUESTIONABLE,
    SUBSTITUTED,
    TEXT,
    Events,
)

from .errors import ApiError

Mask = npt.NDArray[np.bool_]
Names = Callable[[int], str]
Filter = Callable[[Events, Names], Mask]

_TOKEN = re.compile(
    r"""\s*(?:
        '(?P<name>[^']*)' | "(?P<text>[^"]*)"
        | (?P<number>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)
        | (?P<op><=|>=|<>|=|<|>) | (?P<word>[a-z]+) | (?P<mark>[(),])
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_FLAGS = {"a": ANNOTATED, "q": QUESTIONABLE, "s": SUBSTITUTED}
_COMPARE: dict[str, Callable[[npt.NDArray[np.float64], float], Mask]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
}


def parse_filter(text: str) -> Filter | None:
    """A function from events and state names to a mask; None for an empty text, 400 for a strange one."""
    if not text.strip():
        return None
    parser = _Parser(text)
    condition = parser.either()
    parser.finish()
    return condition


class _Parser:
    def __init__(self, text: str) -> None:
        self._source = text
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error()
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()

    def _error(self) -> ApiError:
        return ApiError(400, f"The filter expression '{self._source}' is not valid.", generic=True)

    def _next(self, kind: str) -> str:
        if not self._tokens or self._tokens[0][0] != kind:
            raise self._error()
        return self._tokens.pop(0)[1]

    def _word(self, word: str) -> bool:
        if self._tokens and self._tokens[0][0] in ("word", "mark") and self._tokens[0][1].lower() == word:
            self._tokens.pop(0)
            return True
        return False

    def finish(self) -> None:
        if self._tokens:
            raise self._error()

    def either(self) -> Filter:
        left = self._both()
        while self._word("or"):
            left = _join(left, self._both(), np.logical_or)
        return left

    def _both(self) -> Filter:
        left = self._single()
        while self._word("and"):
            left = _join(left, self._single(), np.logical_and)
        return left

    def _single(self) -> Filter:
        if self._word("not"):
            inner = self._single()
            return lambda events, names: ~inner(events, names)
        if self._word("("):
            inner = self.either()
            self._close()
            return inner
        if self._word("badval"):
            self._open_stream()
            self._close()
            return lambda events, _: (events.flags & GOOD) == 0
        if self._word("isset"):
            return self._is_set()
        self._next("name")
        return self._comparison()

    def _is_set(self) -> Filter:
        self._open_stream()
        if not self._word(","):
            raise self._error()
        bit = _FLAGS.get(self._next("text").lower()[:1])
        if bit is None:
            raise self._error()
        self._close()
        return lambda events, _: (events.flags & bit) != 0

    def _open_stream(self) -> None:
        if not self._word("("):
            raise self._error()
        self._next("name")

    def _close(self) -> None:
        if not self._word(")"):
            raise self._error()

    def _comparison(self) -> Filter:
        operator = self._next("op")
        if self._tokens and self._tokens[0][0] == "text":
            return _text_filter(operator, self._next("text"))
        limit = float(self._next("number"))
        compare = _COMPARE[operator]
        return lambda events, _: compare(_numbers(events), limit) & ~np.isnan(_numbers(events))


def _numbers(events: Events) -> npt.NDArray[np.float64]:
    """Numbers as such, everything else as NaN, which no comparison keeps."""
    integers = events.kind == INTEGER
    values = np.where(events.kind == NUMBER, events.value, np.nan)
    return np.where(integers, events.code.astype(np.float64), values)


def _text_filter(operator: str, wanted: str) -> Filter:
    folded = wanted.casefold()

    def keep(events: Events, names: Names) -> Mask:
        columns = (events.kind.tolist(), events.code.tolist(), events.texts().tolist())
        shown = [_shown(kind, code, text, names) for kind, code, text in zip(*columns, strict=True)]
        known = np.array([text is not None for text in shown], bool)
        same = np.array([text is not None and text.casefold() == folded for text in shown], bool)
        mask: Mask = known & (same if operator == "=" else ~same)
        return mask

    return keep


def _shown(kind: int, code: int, text: str | None, names: Names) -> str | None:
    if kind == DIGITAL:
        return names(code)
    return text if kind == TEXT else None


def _join(left: Filter, right: Filter, how: np.ufunc) -> Filter:
    def joined(events: Events, names: Names) -> Mask:
        mask: Mask = how(left(events, names), right(events, names))
        return mask

    return joined
