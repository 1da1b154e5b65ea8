"""What people and programs see: results on stdout, everything else on stderr.

With ``--json`` stdout carries JSON lines, and every way out writes exactly one ``end`` event, the last.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from pi_lakeflow.cli.problems import Censor, Problem, problem_of, trace_of

_WIDE = 10_000  # columns of what is no terminal: nothing is folded


class ReaderGone(Exception):
    """Nobody reads our results any more, as with `| head -1`."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise ReaderGone


def _console(stream: TextIO) -> Console:
    console = _Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDE
    return console


@dataclass(slots=True)
class Output:
    """One per process. ``verbosity`` counts -v; ``command`` is the one that runs."""

    json: bool = False
    debug: bool = False
    verbosity: int = 0
    command: str | None = None
    out: Console = field(default_factory=lambda: _console(sys.stdout))
    err: Console = field(default_factory=lambda: _console(sys.stderr))
    censor: Censor = field(default_factory=Censor)
    _lines: TextIO = field(default_factory=lambda: sys.stdout)
    _status: str | None = None
    _result: dict[str, Any] = field(default_factory=dict)
    _ended: bool = False

    def event(self, kind: str, **fields: Any) -> None:
        """A JSON line, when asked for."""
        if self.json:
            text = json.dumps({"event": kind, **fields}, default=str, ensure_ascii=False)
            try:
                self._lines.write(self.censor.clean(text) + "\n")
                self._lines.flush()
            except BrokenPipeError as error:
                raise ReaderGone from error

    def result(self, status: str | None = None, **fields: Any) -> None:
        """What the ``end`` event will say besides the exit code."""
        self._status = status or self._status
        self._result |= fields

    @property
    def ending(self) -> bool:
        """Whether a command has said how it went."""
        return self._status is not None

    def end(self, exit_code: int, status: str) -> None:
        """The last event. Only the first call counts; ``status`` unless ``result`` gave another."""
        if self._ended:
            return
        self._ended = True
        status = self._status or status
        self.event("end", command=self.command, status=status, exit_code=exit_code, **self._result)

    def text(self, line: str | Text = "", *, style: str = "") -> None:
        """A line of the result, for people."""
        if not self.json:
            self.out.print(line, style=style)

    def facts(self, *rows: tuple[str, str]) -> None:
        """Labels and values, aligned."""
        width = max((len(label) for label, _ in rows), default=0)
        for label, value in rows:
            self.text(Text.assemble(("  " + label.ljust(width) + "  ", "dim"), value))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """``>title`` is a column of numbers; ``title…`` is cut first where there is no room."""
        if self.json:
            return
        cells = [[cell if isinstance(cell, Text) else Text(str(cell)) for cell in row] for row in rows]
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for place, title in enumerate(columns):
            side: JustifyMethod = "right" if title.startswith(">") else "left"
            needed = 0 if title.endswith("…") else max((row[place].cell_len for row in cells), default=0)
            name = title.strip(">…")
            table.add_column(name, justify=side, no_wrap=True, overflow="ellipsis", min_width=needed)
        for row in cells:
            table.add_row(*row)
        self.out.print(table, soft_wrap=False)

    def note(self, line: str | Text, *, style: str = "") -> None:
        """Something worth knowing that is no result."""
        self.err.print(line, style=style)

    def warn(self, line: str) -> None:
        """Something that works but should be looked at."""
        self.note(Text.assemble(("warning: ", "yellow"), self.censor.clean(line)))

    def error(self, error: BaseException) -> Problem:
        """``error:`` what and which, the causes, ``hint:`` what to do."""
        problem = problem_of(error)
        self.problem(problem)
        if self.debug:
            self.note(self.censor.clean(trace_of(error)), style="dim")
        return problem

    def problem(self, problem: Problem) -> None:
        """Say it on stderr."""
        clean = self.censor.clean
        self.note(Text.assemble(("error: ", "bold red"), clean(problem.message)))
        for cause in problem.causes:
            self.note(Text.assemble(("  because ", "dim"), clean(cause)))
        self.note(Text.assemble(("hint: ", "bold"), clean(problem.hint)))
