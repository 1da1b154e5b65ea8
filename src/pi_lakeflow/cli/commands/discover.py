"""``discover``: which tags a selection stands for."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import typer

from pi_lakeflow.app.discover import discover as find
from pi_lakeflow.cli.options import (
    Config,
    Debug,
    Json,
    Tags,
    Verbose,
    output_of,
    selection_of,
    settings_of,
)
from pi_lakeflow.model.tags import Tag


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(discover)


def discover(
    context: typer.Context,
    config: Config = None,
    tag: Tags = None,
    limit: int = typer.Option(50, help="Most tags to show; 0 shows all."),
    as_json: Json = False,
    verbose: Verbose = 0,
    debug: Debug = False,
) -> int:
    """List the tags that --tag, or `tags` of the configuration, stand for."""
    output = output_of(context)
    settings = settings_of(output, config)

    async def some() -> tuple[list[Tag], bool]:
        found: list[Tag] = []
        async with aclosing(find(settings, selection_of(tag))) as tags:
            async for each in tags:
                if limit and len(found) == limit:
                    return found, True
                found.append(each)
        return found, False

    found, more = asyncio.run(some())
    for each in found:
        output.event(
            "tag", name=each.name, webid=each.webid, type=each.point_type, units=each.units, path=each.path
        )
    columns = [("tag", "left"), ("type", "left"), ("units", "left"), ("descriptor", "left")]
    output.table(columns, [(t.name, t.point_type, t.units or "", t.descriptor) for t in found])
    output.note(f"{len(found):,} tags" + (", and more: raise --limit" if more else ""))
    output.end(0, "done", tags=len(found), more=more)
    return 0
