"""``check``: one line per check."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from pi_lakeflow.cli import words
from pi_lakeflow.cli.options import Call, Lake, command
from pi_lakeflow.cli.output import Output

if TYPE_CHECKING:
    from pi_lakeflow.app.check import Check

_MARKS = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "failed": ("✗", "bold red"),
    "skipped": ("-", "dim"),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


@command
def check(call: Call, lake: Lake = None) -> int:
    """Check settings, network, TLS, account, tags and lake.

    Each check comes after what it depends on. Reads one event; writes a table and removes it again.
    """
    from pi_lakeflow.app.check import check as run_checks

    output = call.output

    async def all_checks() -> list[Check]:
        return [_shown(output, each) async for each in run_checks(lambda: call.settings(lake__path=lake))]

    done = asyncio.run(all_checks())
    failed = [each for each in done if each.verdict == "failed"]
    for each in failed:
        if each.error is not None:
            output.error(each.error)
    if not failed:
        output.text("\nAll is well. Next: pi-lakeflow plan, then pi-lakeflow run")
    output.result("failed" if failed else "done", failed=[each.name for each in failed])
    return failed[0].exit_code if failed else 0


def _shown(output: Output, each: Check) -> Check:
    output.event(
        "check",
        name=each.name,
        verdict=each.verdict,
        detail=each.detail,
        hint=each.error.hint if each.error else None,
        seconds=round(each.seconds, 3),
    )
    mark, style = _MARKS[each.verdict]
    taken = f"  {words.duration(each.seconds)}" if each.seconds >= 0.001 else ""
    line = Text.assemble((mark, style), f" {each.name:<15} ", (each.detail, "dim" if mark == "-" else ""))
    output.text(line.append(taken, style="dim"))
    return each
