"""A run's report in words and as fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.text import Text

from pi_lakeflow.app.alarms.run import AlarmReport
from pi_lakeflow.app.alarms.run import fields as alarm_fields
from pi_lakeflow.app.ingest import Report
from pi_lakeflow.cli import explanations, words
from pi_lakeflow.cli.output import Output
from pi_lakeflow.flow.committer import Failed
from pi_lakeflow.model.span import iso

SHOWN = 10  # tags that are named; all are in the table
_TIMES = ("started_at", "ended_at", "span_start", "span_end")
_ELSEWHERE = ("quarantined", "tables", "status", "command", "facts", "alarms")
_WORTH_ADVICE = 10.0  # seconds: a shorter run has nothing to gain


def fields(report: Report) -> dict[str, object]:
    """For the ``end`` event: times in ISO 8601, durations in seconds."""
    found = {name: value for name, value in asdict(report).items() if name not in _ELSEWHERE}
    found |= {name: iso(getattr(report, name)) for name in _TIMES if getattr(report, name)}
    found |= {"quarantined": len(report.quarantined), "rows_per_second": round(report.rows_per_second)}
    if report.alarms is not None:
        found["alarms"] = dict(alarm_fields(report.alarms))
    return found | explanations.fields(report.explanation)


def headline(report: Report) -> Text:
    """What a run brought, in one line."""
    if not report.lanes and not report.quarantined:
        until = words.moment(report.span_end)
        return Text(f"Up to date: {words.things(report.tags_selected, 'tag')} covered until {until} UTC.")
    rows = Text(words.things(report.rows, "row"), style="bold")
    taken, pace = words.duration(report.seconds), words.count(report.rows_per_second)
    return rows.append(f" of {words.things(report.tags, 'tag')} in {taken} ({pace} rows/s)", style="not bold")


def alarms_headline(report: AlarmReport) -> str:
    """What a run brought of alarms, in one line."""
    new, changed, gone = report.frames_inserted, report.frames_updated, report.frames_deleted
    frames = words.things(report.frames_read, "event frame")
    active = words.things(report.active, "alarm")
    return f"{frames} read ({new:,} new, {changed:,} changed, {gone:,} gone); {active} in progress"


def show(output: Output, report: Report, tables: str) -> None:
    """The result on stdout, what went wrong on stderr. ``tables`` is where they are."""
    _events(output, report)
    output.text(headline(report))
    if report.alarms is not None:
        output.text(alarms_headline(report.alarms))
    if report.corrected:
        output.text(f"Corrected: {words.things(report.corrected, 'row')} that the archive has changed since")
    if report.lanes:
        again = f", {report.retries:,} of them again" if report.retries else ""
        output.facts(
            ("span", words.span(report.span_start, report.span_end)),
            ("requests", f"{report.requests:,}{again}"),
            ("received", f"{words.size(report.wire_bytes)} for {words.size(report.body_bytes)} of JSON"),
            ("tables", f"{tables} ({words.things(report.commits, 'commit')})"),
            ("time", explanations.in_brief(report.facts.time, 5)),
        )
        if report.seconds >= _WORTH_ADVICE and report.explanation.findings:
            explanations.advise(output, report.explanation)
    if report.status == "interrupted":
        output.note("Interrupted. What was read is committed; the same command goes on from there.")
    if report.message:
        output.note(report.message)
    left_behind(output, report.quarantined)


def left_behind(output: Output, failed: Sequence[Failed]) -> None:
    """The first of the tags that could not be read, and why."""
    if not failed:
        return
    output.note(Text(f"Left behind: {words.things(len(failed), 'tag')}", style="yellow"))
    for each in failed[:SHOWN]:
        output.note(f"  {each.failure.tag.name or each.failure.tag.webid}: {each.failure.message}")
    if len(failed) > SHOWN:
        output.note(f"  and {len(failed) - SHOWN:,} more")
    if hint := next((each.failure.hint for each in failed if each.failure.hint), None):
        output.note(Text.assemble(("hint: ", "bold"), hint))
    output.note("All are in pi_ingest_errors; the next run tries them again from where they stopped.")


def _events(output: Output, report: Report) -> None:
    for each in report.quarantined:
        failure = each.failure
        output.event(
            "quarantined",
            tag=failure.tag.name,
            webid=failure.tag.webid,
            http_status=failure.status,
            message=failure.message,
            hint=failure.hint,
        )
