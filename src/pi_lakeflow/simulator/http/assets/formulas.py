"""The Formula data reference: ``A=Discharge Pressure;B=Suction Pressure;[A-B]``."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pi_lakeflow.simulator.http.interpolate import number, value_at
from pi_lakeflow.simulator.http.streams import Stream
from pi_lakeflow.simulator.world.events import GOOD, INTEGER, NUMBER, SYSTEM, Events

_CALC_FAILED = 249
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Formula:
    """Variables with the attributes that they stand for, and arithmetic over them."""

    variables: dict[str, str]
    expression: ast.expr

    @classmethod
    @lru_cache(maxsize=1_000)
    def parse(cls, config: str) -> Formula:
        """From a configuration string; the last part in brackets is the expression."""
        *pairs, last = (part.strip() for part in config.split(";") if part.strip())
        variables = dict(pair.split("=", 1) for pair in pairs)
        return cls(variables, ast.parse(last.strip("[]"), mode="eval").body)

    def at(self, inputs: Sequence[Stream], moments: Sequence[int]) -> Events:
        """The results at some moments (ticks); where an input is no good number, Calc Failed."""
        events = Events.blank(np.array(moments, np.int64))
        for place, moment in enumerate(moments):
            values = [value_at(stream, moment) for stream in inputs]
            good = all(v.kind[0] in (NUMBER, INTEGER) and v.flags[0] & GOOD for v in values)
            result = self._result([number(v) for v in values]) if good else None
            if result is None:
                events.kind[place], events.code[place], events.flags[place] = SYSTEM, _CALC_FAILED, 0
            else:
                events.value[place] = result
        return events

    def _result(self, values: list[float]) -> float | None:
        try:
            return _evaluate(self.expression, dict(zip(self.variables, values, strict=True)))
        except ZeroDivisionError:
            return None


def _evaluate(node: ast.expr, values: dict[str, float]) -> float:
    match node:
        case ast.BinOp(left, op, right):
            return _OPERATORS[type(op)](_evaluate(left, values), _evaluate(right, values))
        case ast.UnaryOp(ast.USub(), operand):
            return -_evaluate(operand, values)
        case ast.Name(name):
            return values[name]
        case ast.Constant(int() | float() as value):
            return float(value)
    raise ValueError(ast.dump(node))
