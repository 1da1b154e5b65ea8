"""``reconcile`` and ``repair``: late data, found and put right."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pi_lakeflow.cli import words
from pi_lakeflow.cli.options import Call, Every, Lake, Since, Tags, Until, command, selection_of
from pi_lakeflow.cli.output import Output
from pi_lakeflow.model.span import iso

if TYPE_CHECKING:
    from pi_lakeflow.app.reconcile import Reconciliation

_SHOWN = 20
Read = Annotated[
    bool, typer.Option("--read", help="Read every event instead of comparing counts: finds edits too.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(reconcile)
    app.command()(repair)


@command
def reconcile(
    call: Call,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    lake: Lake = None,
    read: Read = False,
    progress_every: Every = 10.0,
) -> int:
    """Compare the lake with the archive, and change nothing.

    Asks the server for counts of events, and compares only what coverage claims. Exit code 1
    when something differs; `repair` puts it right.
    """
    from pi_lakeflow.app import reconcile as app

    return _compare(call, app.reconcile, tag, since, until, lake, read, progress_every)


@command
def repair(
    call: Call,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    lake: Lake = None,
    read: Read = False,
    progress_every: Every = 10.0,
) -> int:
    """Compare the lake with the archive, and replace what differs.

    Only spans that coverage claims are touched, each by the smallest change. With --read all
    of the span is read again.
    """
    from pi_lakeflow.app import reconcile as app

    return _compare(call, app.repair, tag, since, until, lake, read, progress_every)


def _compare(
    call: Call,
    use: Callable[..., Coroutine[Any, Any, Reconciliation]],
    tag: list[str] | None,
    since: str | None,
    until: str | None,
    lake: str | None,
    read: bool,
    every: float,
) -> int:
    from pi_lakeflow.app.prepare import Request
    from pi_lakeflow.cli.interrupts import Interrupts
    from pi_lakeflow.cli.progress import Watch, watched
    from pi_lakeflow.engines.embedded import Stop

    output, settings, stop = call.output, call.settings(lake__path=lake), Stop()
    watch = Watch(output, limit=settings.performance.max_in_flight)
    interrupts = Interrupts(output, stop)
    request = Request(use.__name__, selection_of(tag), since, until)
    work = use(settings, request, read=read, observer=watch, stop=stop)
    made = interrupts.run(watched(output, watch, work, every=every))
    _show(output, made, repaired=use.__name__ == "repair")
    return interrupts.code if made.interrupted else _exit_code(made, repaired=use.__name__ == "repair")


def _exit_code(made: Reconciliation, *, repaired: bool) -> int:
    wrong = made.left_behind or made.found.unread or (made.found.different and not repaired)
    return 1 if wrong else 0


def _show(output: Output, made: Reconciliation, *, repaired: bool) -> None:
    from pi_lakeflow.cli.reports import left_behind

    found, corrections = made.found, made.found.corrections
    for each in [*found.different, *found.unread]:
        output.event(
            each.verdict,
            tag=each.tag.name,
            webid=each.tag.webid,
            since=iso(each.span.start),
            until=iso(each.span.end),
            lake=each.lake,
            server=each.server,
            method=each.method,
        )
    output.result(
        "interrupted" if made.interrupted else "done",
        run_id=made.run_id,
        since=iso(made.span.start),
        until=iso(made.span.end),
        tags=made.tags,
        events_equal=made.events,
        different=len(found.different),
        unread=len(found.unread),
        inserted=corrections.inserted,
        updated=corrections.updated,
        deleted=corrections.deleted,
        requests=made.requests,
    )
    _told(output, made)
    if repaired:
        counts = (
            f"{corrections.inserted:,} new, {corrections.updated:,} changed, {corrections.deleted:,} gone"
        )
        output.text(f"Repaired: {words.things(corrections.rows, 'row')} ({counts})")
    elif found.different:
        output.note("hint: `pi-lakeflow repair` with the same options puts it right")
    left_behind(output, made.left_behind)


def _told(output: Output, made: Reconciliation) -> None:
    different, unread = made.found.different, made.found.unread
    span = words.span(made.span.start, made.span.end)
    if not made.tags:
        output.text(f"Nothing of these tags is covered in {span}: there is nothing to compare")
        return
    output.text(f"Compared {words.things(made.tags, 'tag')} over {span}")
    if made.found.findings and not different and not unread:
        output.text(f"Equal: {words.things(made.events, 'event')}")
    if different:
        tags = len({each.tag.webid for each in different})
        output.text(f"Different: {words.things(len(different), 'day')} of {words.things(tags, 'tag')}")
        rows = [
            (
                each.tag.name,
                words.span(each.span.start, each.span.end),
                f"{each.lake:,}",
                _or_dash(each.server),
            )
            for each in different[:_SHOWN]
        ]
        output.table(("tag", "span", ">lake", ">server"), rows)
        if len(different) > _SHOWN:
            output.text(f"and {len(different) - _SHOWN:,} more in pi_reconciliation")
    if unread:
        output.note(f"Not compared: {words.things(len(unread), 'span')}, which could not be read")


def _or_dash(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
