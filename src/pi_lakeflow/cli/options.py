"""Options that commands share, and how a function becomes a command.

    @command
    def discover(call: Call, tag: Tags = None) -> int: ...

Every command made so also takes --config, --set, --url, --json, -v and --debug; ``plain_command`` makes
one that needs no settings and takes no --set and --url.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from pi_lakeflow.cli.output import Output
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings import Selection, Settings, load, parse_selection

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration [default: pi-lakeflow.yaml, found upward]."),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set any configuration key, such as lake=/data. Repeatable."
    ),
]
Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Root of PI Web API, https://server/piwebapi.")
]
Json = Annotated[
    bool, typer.Option("--json", help="JSON lines on standard output; the last is an end event.")
]
Verbose = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        count=True,
        show_default=False,
        help="Tell more: -v commits and retries, -vv requests.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="TAG", help="A name, a mask, \\\\server\\tag, webid:ID, @file. Repeatable."
    ),
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Start, inclusive: ISO 8601, or PI time (*-7d).")
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="End, exclusive.")]
Lake = Annotated[str | None, typer.Option("--lake", metavar="PATH", help="Folder or URL of the lake.")]
Every = Annotated[
    float,
    typer.Option(
        "--progress-every",
        min=0.1,
        metavar="SECONDS",
        help="Between progress lines where there is no terminal.",
    ),
]


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation of a command."""

    output: Output
    config: Path | None
    flags: Mapping[str, str]

    def settings(self, **flags: Any) -> Settings:
        """The settings, with ``flags`` (``a__b`` for the key ``a.b``) over all else.

        What is doubtful about them is said at once. Raises ``SettingsError``.
        """
        given = {key.replace("__", "."): value for key, value in flags.items()}
        settings = load(path=self.config, flags={**self.flags, **given})
        self.output.censor.learn(settings)
        for warning in settings.warnings:
            self.output.warn(warning)
        return settings


def selection_of(tags: list[str] | None) -> Selection | None:
    """What --tag chose, or None."""
    return parse_selection(tags) if tags else None


Body = Callable[..., int | None]


def command(body: Body) -> Callable[..., int]:
    """``body(call, ...)`` as typer wants it: the common options follow its own."""
    return _wrapped(body, (*_COMMON[:1], *_SETTINGS, *_COMMON[1:]))


def plain_command(body: Body) -> Callable[..., int]:
    """A command that needs no settings."""
    return _wrapped(body, _COMMON)


def _wrapped(body: Body, common: tuple[inspect.Parameter, ...]) -> Callable[..., int]:
    @functools.wraps(body)
    def invoked(context: typer.Context, **given: Any) -> int:
        shared = {each.name: given.pop(each.name) for each in common}
        output = output_of(context)
        output.command = context.command_path.partition(" ")[2] or None
        output.verbosity, output.debug = shared["verbose"], shared["debug"]
        flags = _flags(shared.get("changes"), shared.get("url"))
        return body(Call(output, shared["config"], flags), **given) or 0

    _, *own = inspect.signature(body, eval_str=True).parameters.values()
    named = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    signature = inspect.Signature([_parameter("context", typer.Context), *named, *common])
    vars(invoked)["__signature__"] = signature  # what typer reads, beside the annotations
    invoked.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    return invoked


def output_of(context: typer.Context) -> Output:
    """The process's output."""
    found = context.find_root().obj
    return found if isinstance(found, Output) else Output()


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


_COMMON = (
    _parameter("config", Config, None),
    _parameter("as_json", Json, False),
    _parameter("verbose", Verbose, 0),
    _parameter("debug", Debug, False),
)
_SETTINGS = (_parameter("changes", Changes, None), _parameter("url", Url, None))


def _flags(changes: list[str] | None, url: str | None) -> dict[str, str]:
    flags: dict[str, str] = {} if url is None else {"pi_web_api_url": url}
    for change in changes or ():
        key, equals, value = change.partition("=")
        if not equals or not key.strip():
            raise SettingsError(
                f"{change!r} has no =", subject="--set", hint="--set performance.max_workers=4"
            )
        flags[key.strip()] = value
    return flags
