"""``deploy``: a Databricks bundle from the configuration."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pi_lakeflow.cli import words
from pi_lakeflow.cli.options import Call, Tags, command, selection_of
from pi_lakeflow.cli.output import Output
from pi_lakeflow.settings import Selection, Settings

if TYPE_CHECKING:
    from pi_lakeflow.model.events import Observer
    from pi_lakeflow.model.tags import Tag

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the bundle.")]
Pipelines = Annotated[
    int, typer.Option("--pipelines", min=1, metavar="N", help="Bronze pipelines that share the tags.")
]
Tables = Annotated[
    list[str] | None,
    typer.Option("--table", metavar="TABLE", help="Also bring this table, as a snapshot. Repeatable."),
]
Schedule = Annotated[
    str, typer.Option("--schedule", metavar="CRON", help="Quartz schedule of the job, seconds first.")
]
Scope = Annotated[str, typer.Option("--secret-scope", metavar="SCOPE", help="Where secrets are kept.")]
Viewers = Annotated[
    str | None, typer.Option("--viewers", metavar="GROUP", help="Group that may see pipelines and job.")
]
Wheel = Annotated[
    Path | None,
    typer.Option("--wheel", metavar="FILE", help="Ship this wheel of pi-lakeflow with the bundle."),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(deploy)


@command
def deploy(
    call: Call,
    out: Out = Path("bundle"),
    name: Name = "historian",
    pipelines: Pipelines = 1,
    tag: Tags = None,
    table: Tables = None,
    schedule: Schedule = "0 0/15 * * * ?",
    scope: Scope = "pi_lakeflow",
    viewers: Viewers = None,
    wheel: Wheel = None,
    force: Force = False,
) -> int:
    """Write a Databricks bundle: pipelines, job, schemas, secret scope, and the pipelines' code.

    Asks the PI server for the tags, and Databricks for nothing: `databricks bundle deploy` does that.
    """
    from pi_lakeflow.app.deploy import Deployment
    from pi_lakeflow.app.deploy import deploy as render
    from pi_lakeflow.app.tables import table_named

    settings = call.settings()
    tags = _chosen(call.output, settings, selection_of(tag))
    rendered = render(
        settings,
        Deployment(
            folder=out,
            loads={f"webid:{each.webid}": 1.0 for each in tags},
            name=name,
            pipelines=pipelines,
            tables=[table_named(each).name for each in table or ()],
            schedule=schedule,
            secret_scope=scope,
            viewers=viewers,
            wheel=wheel,
            overwrite=force,
        ),
    )
    call.output.result(
        folder=str(rendered.folder),
        files=list(rendered.files),
        tags=list(rendered.groups),
        secrets=list(rendered.secrets),
    )
    call.output.text(
        f"Wrote {words.things(len(rendered.files), 'file')} to {out}: "
        f"{words.things(pipelines, 'bronze pipeline')} for {words.things(len(tags), 'tag')}. Next:\n"
        f"  cd {out} && databricks bundle validate    # README.md there has the rest"
    )
    return 0


def _chosen(output: Output, settings: Settings, selection: Selection | None) -> list[Tag]:
    """The tags, asked for while the terminal shows how that goes."""
    from pi_lakeflow.cli.progress import Watch, watched

    watch = Watch(output)
    return asyncio.run(watched(output, watch, _tags(settings, selection, watch)))


async def _tags(settings: Settings, selection: Selection | None, observer: Observer) -> list[Tag]:
    from pi_lakeflow.app.discover import discover

    async with aclosing(discover(settings, selection, observer)) as tags:
        return [each async for each in tags]
