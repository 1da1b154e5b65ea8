"""``discover``: which tags a selection stands for."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from pi_lakeflow.cli import words
from pi_lakeflow.cli.options import Call, Tags, command, selection_of
from pi_lakeflow.cli.output import Output
from pi_lakeflow.settings import Selection, Settings

if TYPE_CHECKING:
    from pi_lakeflow.model.events import Observer
    from pi_lakeflow.model.tags import Tag

Masks = Annotated[list[str] | None, typer.Argument(metavar="MASK", help="Names or masks, as --tag.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=0, help="Most tags to list; 0 lists all.")]
CountOnly = Annotated[bool, typer.Option("--count", help="Only count them.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(discover)


@command
def discover(
    call: Call, masks: Masks = None, tag: Tags = None, limit: Limit = 50, count: CountOnly = False
) -> int:
    """List tags with type, units and descriptor.

    Those of the masks, else of `tags` in the configuration. Asks the server for no
    more than it lists; --count asks for all.
    """
    from pi_lakeflow.cli.progress import Watch, watched

    output = call.output
    settings = call.settings()
    chosen = selection_of([*(masks or ()), *(tag or ())])
    most = 0 if count else limit
    watch = Watch(output)
    found, more = asyncio.run(watched(output, watch, _found(settings, chosen, most, watch)))
    output.result(tags=len(found), more=more)
    if not count:
        _list(output, found)
    if output.json:
        return 0
    if count:
        output.text(words.things(len(found), "tag"))
    else:
        output.note(words.things(len(found), "tag") + (", and more: --limit 0 or --count" if more else ""))
    return 0


async def _found(
    settings: Settings, chosen: Selection | None, most: int, observer: Observer
) -> tuple[list[Tag], bool]:
    """At most ``most`` tags (0: all), and whether there are more."""
    from pi_lakeflow.app.discover import discover as find

    found: list[Tag] = []
    async with aclosing(find(settings, chosen, observer)) as tags:
        async for each in tags:
            if most and len(found) == most:
                return found, True
            found.append(each)
    return found, False


def _list(output: Output, found: list[Tag]) -> None:
    for each in found:
        output.event(
            "tag",
            name=each.name,
            webid=each.webid,
            type=each.point_type,
            units=each.units,
            descriptor=each.descriptor,
            path=each.path,
            future=each.future,
        )
    if found:
        rows = [(each.name, each.point_type, each.units or "", each.descriptor) for each in found]
        output.table(("tag", "type", "units", "descriptor…"), rows)
