"""Performance equations: the arithmetic, comparisons and functions of ``/calculation``.

A documented subset (PI Server documentation, topics Performance equation syntax, operands and operators,
PE functions by type): numbers, ``"texts"``, ``'tags'``, ``'times'``, ``+ - * / ^ mod``, comparisons,
``and or not``, ``if .. then .. else ..``, and the functions of :mod:`.functions`. What is beyond is a
400 that says so. An operand of the wrong kind is no error of the request: the value is Calc Failed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from .errors import ApiError
from .functions import FUNCTIONS, Failed, Moment, Scope, Tag, Value, as_number, as_truth, compare

Node = Callable[[Scope], Value]
Names = Callable[[str], Tag | None]  # None: the text is a time

_TOKEN = re.compile(
    r"""\s*(?:
        '(?P<name>[^']*)' | "(?P<text>[^"]*)"
        | (?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)
        | (?P<mark><=|>=|<>|[-+*/^=<>(),]) | (?P<word>[a-z]\w*)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "mod": lambda a, b: a % b,
    "^": math.pow,
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: ``at`` gives its value, ``tags`` are the streams that it names."""

    node: Node
    tags: tuple[Tag, ...]

    def at(self, scope: Scope) -> Value:
        """The value at the scope's moment, or :class:`~.functions.Failed`."""
        try:
            found = self.node(scope)
        except (ArithmeticError, ValueError, RecursionError) as error:
            raise Failed(str(error)) from error
        if isinstance(found, float) and not math.isfinite(found):
            raise Failed("no finite number")
        return found


def parse_expression(text: str, names: Names) -> Expression:
    """Parse; ``names`` says what a text in single quotes stands for. 400 for what is not understood."""
    parser = _Parser(text, names)
    try:
        node = parser.whole()
    except RecursionError:
        raise ApiError(400, "The expression is nested too deeply.") from None
    return Expression(node, tuple(dict.fromkeys(parser.tags)))


class _Parser:
    def __init__(self, text: str, names: Names) -> None:
        self._source, self._names = text, names
        self.tags: list[Tag] = []
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error(f"'{text[at:].strip()[:20]}' is not understood")
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()

    def _error(self, why: str) -> ApiError:
        return ApiError(400, f"The expression '{self._source}' is not valid: {why}.")

    def _is(self, *wanted: str) -> str:
        """The next word or mark when it is one of these, which it then consumes; else ``""``."""
        if self._tokens and self._tokens[0][0] in ("word", "mark") and self._tokens[0][1].lower() in wanted:
            return self._tokens.pop(0)[1].lower()
        return ""

    def _need(self, wanted: str) -> None:
        if not self._is(wanted):
            got = f"'{self._tokens[0][1]}'" if self._tokens else "its end"
            raise self._error(f"'{wanted}' expected instead of {got}")

    def whole(self) -> Node:
        node = self._any()
        if self._tokens:
            raise self._error(f"'{self._tokens[0][1]}' was not expected")
        return node

    def _any(self) -> Node:
        if not self._is("if"):
            return self._either()
        condition = self._any()
        self._need("then")
        yes = self._any()
        self._need("else")
        no = self._any()
        return lambda scope: yes(scope) if as_truth(condition(scope)) else no(scope)

    def _either(self) -> Node:
        left = self._both()
        while self._is("or"):
            left = _either(left, self._both())
        return left

    def _both(self) -> Node:
        left = self._not()
        while self._is("and"):
            left = _both(left, self._not())
        return left

    def _not(self) -> Node:
        if self._is("not"):
            inner = self._not()
            return lambda scope: not as_truth(inner(scope))
        left = self._binary(0)
        operator = self._is(*_COMPARISONS)
        if not operator:
            return left
        right = self._binary(0)
        return lambda scope: compare(operator, left(scope), right(scope))

    def _binary(self, level: int) -> Node:
        levels = (("+", "-"), ("*", "/", "mod"))
        if level == len(levels):
            return self._sign()
        left = self._binary(level + 1)
        while operator := self._is(*levels[level]):
            left = _arithmetic(operator, left, self._binary(level + 1))
        return left

    def _sign(self) -> Node:
        if self._is("-"):
            inner = self._sign()
            return lambda scope: -as_number(inner(scope))
        if self._is("+"):
            return self._sign()
        base = self._operand()
        return _arithmetic("^", base, self._sign()) if self._is("^") else base

    def _operand(self) -> Node:
        if self._is("("):
            inner = self._any()
            self._need(")")
            return inner
        if not self._tokens:
            raise self._error("an operand is missing at its end")
        kind, text = self._tokens.pop(0)
        if kind == "number":
            return _constant(float(text))
        if kind == "text":
            return _constant(text)
        if kind == "name":
            return self._named(text)
        if kind == "word" and self._is("("):
            return self._function(text)
        raise self._error(f"'{text}' was not expected")

    def _named(self, text: str) -> Node:
        found = self._names(text)
        if found is None:
            return lambda scope: Moment(scope.moment(text))
        self.tags.append(found)
        return lambda scope: scope.value(found, scope.at)

    def _function(self, name: str) -> Node:
        function = FUNCTIONS.get(name.lower())
        if function is None:
            known = ", ".join(sorted(f.name for f in FUNCTIONS.values()))
            raise self._error(f"the function {name} is not supported; supported are {known}")
        arguments: list[Node] = []
        if not self._is(")"):
            arguments.append(self._argument(by_name=function.first_is_tag))
            while self._is(","):
                arguments.append(self._any())
            self._need(")")
        if not function.least <= len(arguments) <= function.most:
            raise self._error(f"{function.name} does not take {len(arguments)} arguments")
        return lambda scope: function.call(scope, *(argument(scope) for argument in arguments))

    def _argument(self, *, by_name: bool) -> Node:
        """An argument; functions about a tag get the tag and not its value."""
        if not by_name:
            return self._any()
        if not self._tokens or self._tokens[0][0] != "name":
            raise self._error("a tag in single quotes expected")
        found = self._names(self._tokens.pop(0)[1])
        if found is None:
            raise self._error("a tag in single quotes expected")
        self.tags.append(found)
        return _constant(found)


def _constant(value: Value) -> Node:
    return lambda _scope: value


def _arithmetic(operator: str, left: Node, right: Node) -> Node:
    work = _ARITHMETIC[operator]

    def node(scope: Scope) -> Value:
        a, b = left(scope), right(scope)
        if isinstance(a, Moment) and operator in "+-":
            return _shift(operator, a, b)
        return work(as_number(a), as_number(b))

    return node


def _shift(operator: str, moment: Moment, by: Value) -> Value:
    """A time plus or minus seconds, or the seconds between two times."""
    if isinstance(by, Moment) and operator == "-":
        return (moment.ticks - by.ticks) / 10_000_000
    ticks = round(as_number(by) * 10_000_000)
    return Moment(moment.ticks + (ticks if operator == "+" else -ticks))


def _either(left: Node, right: Node) -> Node:
    return lambda scope: as_truth(left(scope)) or as_truth(right(scope))


def _both(left: Node, right: Node) -> Node:
    return lambda scope: as_truth(left(scope)) and as_truth(right(scope))
