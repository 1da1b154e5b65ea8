"""What -v and -vv tell about single events, on stderr."""

from __future__ import annotations

from rich.text import Text

from pi_lakeflow.cli import words
from pi_lakeflow.cli.output import Output
from pi_lakeflow.model.events import (
    Committed,
    Corrected,
    Event,
    LimitChanged,
    Quarantined,
    RequestDone,
    RequestRetried,
)


def narrate(output: Output, event: Event) -> None:
    """One line, if the verbosity asks for this kind of event."""
    told = _told(event)
    if told is not None and output.verbosity >= told[0]:
        output.note(Text(output.censor.clean(told[1]), style="dim"))


def _told(event: Event) -> tuple[int, str] | None:
    """The verbosity from which an event is told, and how."""
    if isinstance(event, Committed | Corrected):
        return 1, _written(event)
    if isinstance(event, Quarantined):
        return 1, f"tag      {event.tag_name or event.webid} is left behind: {event.message}"
    if isinstance(event, RequestRetried):
        return 1, f"retry    {event.path}: attempt {event.attempt} failed, {event.reason}"
    if isinstance(event, LimitChanged):
        return 1, f"limit    {event.limit:.1f} requests at once ({event.reason})"
    if isinstance(event, RequestDone):
        taken = words.duration(event.seconds)
        return 2, f"request  {event.status} {event.path}, {taken}, {words.size(event.wire_bytes)}"
    return None


def _written(event: Committed | Corrected) -> str:
    into = f"{event.table} version {event.version}, {words.duration(event.seconds)}"
    if isinstance(event, Committed):
        return f"commit   {event.rows:>9,} rows into {into}"
    return f"correct  {event.inserted:,} new, {event.updated:,} changed, {event.deleted:,} gone in {into}"
