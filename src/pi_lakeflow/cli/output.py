"""What people and programs see: results on stdout, everything else on stderr.

With ``--json`` stdout carries JSON lines, and every way out writes exactly one ``end`` event.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pi_lakeflow.errors import PiLakeflowError

BUG = 101


@dataclass(slots=True)
class Output:
    """One per process. ``verbosity`` counts -v."""

    json: bool = False
    debug: bool = False
    verbosity: int = 0
    ended: bool = False
    out: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True))

    def event(self, kind: str, **fields: Any) -> None:
        """A JSON line, when asked for."""
        if self.json:
            sys.stdout.write(json.dumps({"event": kind, **fields}, default=str) + "\n")
            sys.stdout.flush()

    def text(self, line: str = "") -> None:
        """A line of the result, for people. Markup of rich is understood."""
        if not self.json:
            self.out.print(line)

    def note(self, line: str) -> None:
        """Something worth knowing that is no result."""
        self.err.print(line)

    def table(self, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]]) -> None:
        """Columns are (title, "left" or "right")."""
        if self.json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for title, side in columns:
            table.add_column(title, justify="right" if side == "right" else "left", overflow="fold")
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        self.out.print(table)

    def end(self, exit_code: int, status: str, **fields: Any) -> None:
        """The last event. Only the first call counts."""
        if not self.ended:
            self.ended = True
            self.event("end", status=status, exit_code=exit_code, **fields)

    def error(self, error: BaseException) -> None:
        """``error:`` what and which, the causes, ``hint:`` what to do."""
        lines = list(dict.fromkeys(_chain(error)))
        self.err.print(f"[bold red]error:[/] {escape(lines[0])}")
        for line in lines[1:]:
            self.err.print(f"  because {escape(line)}")
        if hint := next(_hints(error), None):
            self.err.print(f"[bold]hint:[/] {escape(hint)}")
        if self.debug:
            self.err.print(escape("".join(traceback.format_exception(error))))


def _chain(error: BaseException) -> Iterator[str]:
    at: BaseException | None = error
    while at is not None:
        text = str(at) or type(at).__name__
        yield text if isinstance(at, PiLakeflowError) else f"{type(at).__name__}: {text}"
        at = at.__cause__


def _hints(error: BaseException) -> Iterator[str]:
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, PiLakeflowError) and at.hint:
            yield at.hint
        at = at.__cause__
