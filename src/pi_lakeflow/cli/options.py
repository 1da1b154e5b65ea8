"""Options that several commands share, and the settings that they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pi_lakeflow.cli.output import Output
from pi_lakeflow.settings import Selection, Settings, load, parse_selection

Config = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file [default: pi-lakeflow.yaml, found upward]."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON lines on standard output.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
Verbose = Annotated[int, typer.Option("-v", count=True, help="More about what happens; -vv for all.")]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", help="Only these: name, mask, \\\\server\\tag, webid:ID, @file. Repeatable."),
]
Since = Annotated[str | None, typer.Option("--since", help="Start: ISO 8601 or PI time (*-7d). Inclusive.")]
Until = Annotated[str | None, typer.Option("--until", help="End, exclusive.")]
Lake = Annotated[
    str | None, typer.Option("--lake", help="Folder or URL of the lake, instead of the configured one.")
]


def output_of(context: typer.Context) -> Output:
    """The process's output."""
    found = context.find_root().obj
    return found if isinstance(found, Output) else Output()


def settings_of(output: Output, config: Path | None, **flags: Any) -> Settings:
    """The settings for a command; what is doubtful about them is said once."""
    settings = load(path=config, flags={key.replace("__", "."): value for key, value in flags.items()})
    for warning in settings.warnings:
        output.note(f"warning: {warning}")
    return settings


def selection_of(tags: list[str] | None) -> Selection | None:
    """What --tag chose, or None."""
    return parse_selection(tags) if tags else None
