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
from rich.segment import Segments
from rich.table import Table
from rich.text import Text

from pi_lakeflow.cli.problems import Censor, Problem, problem_of, trace_of

_WIDE = 10_000  # columns of what is no terminal: nothing is folded
_FOLDED = 16  # columns that a folded column keeps


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
        """``>title`` is a column of numbers; ``title…`` is folded where there is no room.

        Nothing is left out but columns without a cell, and those only for want of room.
        """
        if self.json:
            return
        cells = [[cell if isinstance(cell, Text) else Text(str(cell)) for cell in row] for row in rows]
        widths = [_widest(title, [row[place] for row in cells]) for place, title in enumerate(columns)]
        shown = list(range(len(columns)))
        if _room(columns, widths, shown) > self.out.width:
            shown = [place for place in shown if any(row[place] for row in cells)] or shown
        fits = _room(columns, widths, shown) <= self.out.width
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for place in shown:
            title = columns[place]
            side: JustifyMethod = "right" if title.startswith(">") else "left"
            folds = fits and title.endswith("…")
            needed = min(widths[place], _FOLDED) if folds else widths[place]
            table.add_column(
                title.strip(">…"), justify=side, no_wrap=not folds, overflow="fold", min_width=needed
            )
        for row in cells:
            table.add_row(*(row[place] for place in shown))
        if fits:
            self.out.print(table, soft_wrap=False)
        else:  # the terminal breaks the lines: better ugly than cut
            drawn = self.out.render(table, self.out.options.update_width(_WIDE))
            self.out.print(Segments(drawn), soft_wrap=True, end="")

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


def _widest(title: str, cells: Sequence[Text]) -> int:
    return max(cell.cell_len for cell in (Text(title.strip(">…")), *cells))


def _room(columns: Sequence[str], widths: Sequence[int], shown: Sequence[int]) -> int:
    """The least width of a table with these columns, two blanks behind each but the last."""
    least = [min(widths[p], _FOLDED) if columns[p].endswith("…") else widths[p] for p in shown]
    return sum(least) + 2 * (len(shown) - 1)
