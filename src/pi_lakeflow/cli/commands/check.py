"""``check``: one line per check."""

from __future__ import annotations

import asyncio

import typer
from rich.markup import escape

from pi_lakeflow.app.check import Check, Verdict
from pi_lakeflow.app.check import check as run_checks
from pi_lakeflow.cli.options import Config, Debug, Json, Lake, Verbose, output_of, settings_of
from pi_lakeflow.cli.output import Output

_SIGNS = {
    Verdict.OK: "[green]ok[/]     ",
    Verdict.WARN: "[yellow]warning[/]",
    Verdict.FAILED: "[red]failed[/] ",
    Verdict.SKIPPED: "[dim]skipped[/]",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    context: typer.Context,
    config: Config = None,
    lake: Lake = None,
    as_json: Json = False,
    verbose: Verbose = 0,
    debug: Debug = False,
) -> int:
    """Check settings, server, account, tags and lake, each after what it depends on."""
    output = output_of(context)
    settings = settings_of(output, config, lake__path=lake)

    async def all_checks() -> list[Check]:
        return [_shown(output, each) async for each in run_checks(settings)]

    failed = [each for each in asyncio.run(all_checks()) if each.verdict is Verdict.FAILED]
    code = 0
    for each in failed:
        code = max(code, each.error.exit_code if each.error else 1)
        if each.error is not None:
            output.error(each.error)
    output.end(code, "failed" if failed else "done", failed=[each.name for each in failed])
    return code


def _shown(output: Output, each: Check) -> Check:
    output.event("check", name=each.name, verdict=each.verdict, detail=each.detail)
    output.text(f"{_SIGNS[each.verdict]}  {each.name:<16}{escape(each.detail)}")
    return each
