"""Late data: what the archive changed after it was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pyarrow as pa

from pi_lakeflow.app.source import Source
from pi_lakeflow.engines.correcting import Corrections, Corrector
from pi_lakeflow.engines.embedded import EngineSize, Stop
from pi_lakeflow.engines.reconciling import Finding, Reconciler
from pi_lakeflow.flow.committer import Failed
from pi_lakeflow.flow.plan import coverage, lanes_by_tag
from pi_lakeflow.flow.scope import Spans
from pi_lakeflow.flow.tables import PI_INGEST_ERRORS, PI_RECONCILIATION
from pi_lakeflow.historians.pi.recorded.counts import RecordedCounter
from pi_lakeflow.historians.pi.recorded.reader import RecordedReader
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.events import Observer
from pi_lakeflow.model.ports import Lake
from pi_lakeflow.model.span import Span
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import Lane, TagFailure


@dataclass(slots=True)
class Repaired:
    """What a comparison found, and what was corrected for it."""

    findings: list[Finding] = field(default_factory=list)
    corrections: Corrections = field(default_factory=Corrections)

    @property
    def different(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict == "differs"]

    @property
    def unread(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict == "unread"]


@dataclass(frozen=True, slots=True)
class Late:
    """Corrects and compares spans that coverage claims."""

    source: Source
    reader: RecordedReader
    lake: Lake
    run_id: str
    size: EngineSize
    observer: Observer
    stop: Stop

    async def correct(self, spans: Spans, tags: Mapping[str, Tag]) -> Corrections:
        """Read the spans again and replace what differs."""
        corrector = Corrector(
            self.reader,
            data=self.lake.table(PI_TIMESERIES),
            errors=self.lake.table(PI_INGEST_ERRORS),
            run_id=self.run_id,
            clock=SystemClock(),
            size=self.size,
            observer=self.observer,
            stop=self.stop,
        )
        return await corrector.run(spans, tags) if spans else Corrections()

    async def compare(self, spans: Spans, tags: Mapping[str, Tag], *, read: bool = False) -> list[Finding]:
        """Compare the spans with the archive: by counts, or event by event."""
        reconciler = Reconciler(
            RecordedCounter(self.source.client.transport),
            self.reader,
            data=self.lake.table(PI_TIMESERIES),
            size=self.size,
            stop=self.stop,
        )
        return await reconciler.run(spans, tags, read=read) if spans else []

    async def repair(self, spans: Spans, tags: Mapping[str, Tag], *, read: bool = False) -> Repaired:
        """Compare, replace what differs, and write down both. With ``read`` all is replaced unseen."""
        if read:
            return Repaired(corrections=await self.correct(spans, tags))
        started = SystemClock().now()
        found = Repaired(await self.compare(spans, tags))
        wrong: dict[str, list[Span]] = {}
        for finding in found.different:
            wrong.setdefault(finding.tag.webid, []).append(finding.span)
        found.corrections = await self.correct(wrong, tags)
        failed = {each.failure.tag.webid for each in found.corrections.failed}
        found.corrections.failed += [
            Failed(TagFailure(each.tag, "it could not be read for the comparison"), each.span, started)
            for each in found.unread
        ]
        repaired = set() if found.corrections.interrupted else wrong.keys() - failed
        self.note(found.findings, started, repaired)
        return found

    def note(self, findings: Sequence[Finding], compared_at: int, repaired: Iterable[str] = ()) -> None:
        """Rows of ``pi_reconciliation``; ``repaired`` are the WebIds whose differences are gone."""
        if findings:
            done = frozenset(repaired)
            rows = [_row(finding, self.run_id, compared_at, done) for finding in findings]
            table = pa.Table.from_pylist(rows, schema=PI_RECONCILIATION.arrow_schema)
            self.lake.table(PI_RECONCILIATION).add(table)


def covered(lanes: Sequence[Lane], tags: Mapping[str, Tag], within: Span) -> dict[str, list[Span]]:
    """What of ``within`` coverage claims of each tag."""
    found: dict[str, list[Span]] = {}
    for webid, mine in lanes_by_tag(lanes, tags).items():
        cut = [
            Span(max(span.start, within.start), min(span.end, within.end))
            for span in coverage(mine, webid)
            if span.start < within.end and span.end > within.start
        ]
        if cut:
            found[webid] = cut
    return found


def recent(lanes: Sequence[Lane], tags: Mapping[str, Tag], length: timedelta) -> dict[str, list[Span]]:
    """The last stretch of each tag before the end of its coverage, as far as it is covered."""
    micros = length // timedelta(microseconds=1)
    found: dict[str, list[Span]] = {}
    for webid, mine in lanes_by_tag(lanes, tags).items():
        spans = coverage(mine, webid)
        if spans and micros:
            start = spans[-1].end - micros
            found[webid] = [Span(max(span.start, start), span.end) for span in spans if span.end > start]
    return found


def _row(finding: Finding, run_id: str, compared_at: int, repaired: frozenset[str]) -> dict[str, object]:
    return {
        "run_id": run_id,
        "compared_at": compared_at,
        "tag_webid": finding.tag.webid,
        "tag_name": finding.tag.name,
        "span_start": finding.span.start,
        "span_end": finding.span.end,
        "lake_events": finding.lake,
        "server_events": finding.server,
        "method": finding.method,
        "verdict": finding.verdict,
        "repaired": finding.verdict == "differs" and finding.tag.webid in repaired,
    }
