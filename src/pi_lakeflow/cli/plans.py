"""A plan in words and as fields."""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from pi_lakeflow.app.prepare import Prepared
from pi_lakeflow.cli import words
from pi_lakeflow.cli.output import Output
from pi_lakeflow.cli.reports import SHOWN
from pi_lakeflow.model.span import iso

_DAY = 86_400e6


def show(output: Output, prepared: Prepared) -> None:
    """What a run would read."""
    made = prepared.plan
    _fields(output, prepared)
    if made.work:
        start = min(item.span.start for item in made.work)
        end = max(item.span.end for item in made.work)
        chosen = words.things(len(prepared.tags), "tag")
        line = Text(f"{made.tags:,} of {chosen}", style="bold")
        output.text(line.append(" have something to read", style="not bold"))
        output.facts(
            ("span", words.span(start, end)),
            ("new", f"{_unread(prepared):,} of them were never read"),
            ("to read", f"{made.tag_micros / _DAY:,.1f} days of tags"),
            ("lanes", f"{len(made.work):,}, read side by side"),
        )
        _spans(output, prepared)
    else:
        until = words.moment(prepared.until)
        output.text(f"Nothing to read: {words.things(len(prepared.tags), 'tag')} covered until {until} UTC.")
    _missing(output, prepared)


def _fields(output: Output, prepared: Prepared) -> None:
    for item in prepared.plan.work:
        span = {"since": iso(item.span.start), "until": iso(item.span.end)}
        output.event("lane", lane=item.lane, tags=len(item.webids), **span)
    for each in prepared.unresolved:
        output.event("unresolved", tag=each.failure.tag.name, message=each.failure.message)
    output.result(
        "unresolved" if prepared.unresolved else "done",
        tags_selected=len(prepared.tags),
        tags=prepared.plan.tags,
        tags_new=_unread(prepared),
        lanes=len(prepared.plan.work),
        tag_days=round(prepared.plan.tag_micros / _DAY, 3),
        unresolved=len(prepared.unresolved),
        until=iso(prepared.until),
    )


def _unread(prepared: Prepared) -> int:
    """Tags to read that no lane knows yet."""
    known = {webid for lane in prepared.lanes for webid in (*lane.members, *lane.left)}
    return len({webid for item in prepared.plan.work for webid in item.webids} - known)


def _spans(output: Output, prepared: Prepared) -> None:
    """The most frequent stretches, when there are several."""
    stretches = Counter({item.span: 0 for item in prepared.plan.work})
    for item in prepared.plan.work:
        stretches[item.span] += len(item.webids)
    if len(stretches) < 2:
        return
    output.text()
    rows = [
        (words.moment(span.start), words.moment(span.end), words.duration(span.length / 1e6), f"{tags:,}")
        for span, tags in stretches.most_common(SHOWN)
    ]
    output.table(("from (UTC)", "until", ">length", ">tags"), rows)
    if len(stretches) > SHOWN:
        output.text(f"and {len(stretches) - SHOWN:,} further stretches", style="dim")


def _missing(output: Output, prepared: Prepared) -> None:
    if not prepared.unresolved:
        return
    output.note(Text(f"Not found: {words.things(len(prepared.unresolved), 'tag')}", style="yellow"))
    for each in prepared.unresolved[:SHOWN]:
        output.note(f"  {each.failure.tag.name}: {each.failure.message}")
    if hint := prepared.unresolved[0].failure.hint:
        output.note(Text.assemble(("hint: ", "bold"), hint))
