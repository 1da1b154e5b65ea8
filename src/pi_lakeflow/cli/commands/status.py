"""``status``: what the lake holds."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from pi_lakeflow.cli import explanations, words
from pi_lakeflow.cli.options import Call, Lake, Tags, command
from pi_lakeflow.cli.output import Output
from pi_lakeflow.model.span import Span, iso, to_micros

if TYPE_CHECKING:
    from pi_lakeflow.app.status import Status, TagStatus

_DETAILS = 3  # tags that are shown span by span
Explain = Annotated[
    bool, typer.Option("--explain", help="Say where the last run's time went, and what to change.")
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=0, help="Most tags to list; 0 lists all.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


@command
def status(
    call: Call, tag: Tags = None, lake: Lake = None, limit: Limit = 10, explain: Explain = False
) -> int:
    """Show coverage and its gaps, the last runs and errors.

    Coverage is what of each tag's history the lake holds. Asks the lake only. One tag
    (--tag) is shown span by span. With --explain: what the last run waited for, and which key to
    change.
    """
    from pi_lakeflow.app.status import status as lake_status

    output = call.output
    found = lake_status(call.settings(lake__path=lake), tags=tag or ())
    _events(output, found)
    if explain:
        return _explain(output, found)
    if not found.tags:
        output.text(f"Nothing{' of these tags' if tag else ''} is covered yet in {found.path}")
        return 0
    _summary(output, found)
    if tag and len(found.tags) <= _DETAILS:
        for each in found.tags:
            _spans(output, each)
    else:
        _listing(output, found, limit)
    _history(output, found)
    return 0


def _explain(output: Output, found: Status) -> int:
    if found.explanation is None:
        output.text(f"No run of {found.path} has measured itself yet.")
        return 0
    output.result(**explanations.fields(found.explanation))
    facts = found.explanation.facts
    pace = words.count(facts.rows / facts.seconds if facts.seconds else 0)
    headline = f"Where the {words.duration(facts.seconds)} of the last run went"
    rows = words.things(facts.rows, "row")
    output.text(Text.assemble((headline, "bold"), f"  ({rows}, {pace} rows/s)"))
    explanations.show(output, found.explanation)
    return 0


def _events(output: Output, found: Status) -> None:
    for each in found.tags if output.json else ():
        spans, gaps = _iso(each.spans), _iso(each.gaps)
        output.event("tag", name=each.name, webid=each.webid, covered=spans, gaps=gaps)
    for run in found.runs:
        output.event("run", **_plain(run))
    for error in found.errors:
        output.event("error", **_plain(error))
    output.result(
        path=found.path,
        tags=len(found.tags),
        behind=len(found.behind),
        with_gaps=len(found.gappy),
        waiting=found.waiting,
        failing=found.failing,
        covered_from=iso(found.covered.start) if found.covered else None,
        covered_until=iso(found.until) if found.until else None,
    )


def _summary(output: Output, found: Status) -> None:
    whole, until = found.covered, found.until or 0
    start = whole.start if whole else until
    output.text(Text.assemble((words.things(len(found.tags), "tag"), "bold"), f" in {found.path}"))
    rows = [("covered", words.span(start, max(start, until)))]
    if found.behind:
        first = words.moment(found.behind[0].whole.end)
        rows.append(("behind", f"{words.things(len(found.behind), 'tag')}, the furthest at {first}"))
    if found.gappy:
        rows.append(("gaps", f"in {words.things(len(found.gappy), 'tag')}"))
    if found.failing:
        rows.append(("left", f"{words.things(found.failing, 'tag')} left behind by the last run"))
    if found.waiting:
        rows.append(("waiting", f"{words.things(found.waiting, 'tag')} registered, with nothing read yet"))
    if len(rows) == 1:
        rows.append(("gaps", "none; all tags end together"))
    output.facts(*rows)


def _listing(output: Output, found: Status, limit: int) -> None:
    """Those first that need a look."""
    ordered = list(dict.fromkeys((*found.behind, *found.gappy, *found.tags)))
    shown = ordered[: limit or None]
    output.text()
    output.table(
        ("tag", "covered from (UTC)", "until", ">gaps", ">missing"),
        [
            (
                each.name,
                words.moment(each.whole.start),
                words.moment(each.whole.end),
                len(each.gaps) or "",
                words.length(each.gaps) if each.gaps else "",
            )
            for each in shown
        ],
    )
    if len(ordered) > len(shown):
        output.text(f"and {len(ordered) - len(shown):,} more (--limit, or --tag for one)", style="dim")


def _spans(output: Output, tag: TagStatus) -> None:
    output.text()
    output.text(Text.assemble((tag.name, "bold"), (f"  {tag.webid}", "dim")))
    parts = sorted([(span, "covered") for span in tag.spans] + [(gap, "gap") for gap in tag.gaps])
    output.table(
        ("", "from (UTC)", "until", ">length"),
        [
            (
                Text(what, style="yellow" if what == "gap" else ""),
                words.exact(part.start),
                words.exact(part.end),
                words.duration(part.length / 1e6),
            )
            for part, what in parts
        ],
    )


def _history(output: Output, found: Status) -> None:
    if found.runs:
        output.text("\nLast runs", style="bold")
        columns = (
            "started (UTC)",
            "command",
            "status",
            ">tags",
            ">rows",
            ">requests",
            ">left behind",
            ">took",
        )
        output.table(columns, [_run(row) for row in found.runs])
    if found.errors:
        output.text("\nLast errors", style="bold")
        rows = [(_time(e["occurred_at"]), e["tag_name"], e["message"]) for e in found.errors]
        output.table(("when (UTC)", "tag", "what the server said…"), rows)


def _run(row: dict[str, Any]) -> tuple[object, ...]:
    numbers = [f"{row[name]:,}" for name in ("tags", "rows", "requests")]
    took = words.duration((row["ended_at"] - row["started_at"]).total_seconds())
    left = f"{row['quarantined']:,}" if row["quarantined"] else ""
    style = "" if row["status"] == "done" else "yellow"
    return _time(row["started_at"]), row["command"], Text(row["status"], style=style), *numbers, left, took


def _time(when: datetime) -> str:
    return words.moment(to_micros(when))


def _iso(spans: tuple[Span, ...]) -> list[list[str]]:
    return [[iso(span.start), iso(span.end)] for span in spans]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {k: iso(to_micros(v)) if isinstance(v, datetime) else v for k, v in row.items()}
