"""Follows the archive: whatever changes there is read again and corrected in the lake.

What an update says is taken as a hint *where* something happened, not as the event itself: updates
carry live values, of which compression archives only some, and do not say which of several events at
one time was meant. The hinted place is read from the archive and replaced, which is exact.

What holds, whatever breaks:

- A tag is registered before its past is read again, so nothing falls between the two.
- When a registration is lost (restart, expired cache, signup exception), everything since the last
  certain moment is read again, and older spans are compared by counts.
- A hint where coverage claims nothing waits: either our own next run reads that span after the hint came
  and it is done, or the span got covered otherwise and is read again.
- The moment up to which all changes are in the lake is committed after the corrections, and after it the
  markers from which to go on. A restart goes on from there while the server still knows them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from pi_lakeflow.engines.correcting import Corrections
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.errors import SinkUnavailable, SourceUnavailable
from pi_lakeflow.flow.followed import FollowedBook
from pi_lakeflow.flow.retry import later
from pi_lakeflow.flow.scope import Spans
from pi_lakeflow.model.changes import Change, ChangeSource
from pi_lakeflow.model.span import DAY, SECOND, Span, subtract, union

_MINUTE = 60 * SECOND
_NEAR = 15 * _MINUTE  # recent hints of many tags are read together, as one span
_MOST_HINTS = 200  # places of one tag, beyond which all between them is read
_LONGEST_WAIT = 60.0
_LONGEST_RETRY = 600.0
_ROUNDS = 100  # polls in a row while answers are full


@dataclass(frozen=True, slots=True)
class Pace:
    """``poll`` and ``flush`` in seconds; ``look_back`` (microseconds) behind the last certain moment is
    read again after a gap, and ``compare`` before that is compared by counts."""

    poll: float = 5.0
    flush: float = 60.0
    look_back: int = 0
    compare: int = 7 * DAY


class Lakeward(Protocol):
    """What the follower needs done to the lake."""

    def chosen(self) -> Collection[str]:
        """The tags to follow; may change with ``advance``."""
        ...

    async def covered(self) -> Mapping[str, Sequence[Span]]:
        """What coverage claims of each tag."""
        ...

    async def correct(self, spans: Spans) -> Corrections: ...

    async def compare(self, spans: Spans) -> Corrections:
        """Compare by counts, and correct what differs."""
        ...

    async def advance(self) -> Spans:
        """Bring new events. The spans of each tag that this read, none when others were faster."""
        ...


@dataclass(slots=True)
class Followed:
    """One tag. ``certain``: all changes before that moment are in the lake (None: nobody knows).

    ``hints`` are places to be read again; ``older`` are those that came before the run that is under
    way now, and that it may settle.
    """

    marker: str | None = None
    certain: int | None = None
    hints: list[Span] = field(default_factory=list)
    older: list[Span] = field(default_factory=list)
    gaps: list[Span] = field(default_factory=list)  # to be compared by counts
    refused: str = ""  # why the server does not register it
    register_at: float = 0.0
    stuck: int = 0  # how often in a row it could not be read again
    retry_at: float = 0.0

    def hint(self, spans: Sequence[Span]) -> None:
        """Something happened there. Places that are near one another become one."""
        wide = union(Span(each.start, each.end + _MINUTE) for each in [*self.hints, *spans])
        self.hints = [Span(each.start, each.end - _MINUTE) for each in wide]
        if len(self.hints) > _MOST_HINTS:
            self.hints = [Span(self.hints[0].start, self.hints[-1].end)]

    @property
    def places(self) -> list[Span]:
        """All that is to be read again."""
        return union([*self.hints, *self.older])

    def failed(self) -> None:
        """It is tried again, later and later."""
        self.stuck += 1
        self.retry_at = monotonic() + later(5.0, self.stuck, _LONGEST_RETRY)

    def succeeded(self, spans: Sequence[Span]) -> None:
        """These places are right."""
        self.stuck, self.retry_at = 0, 0.0
        self.hints = _less(self.hints, spans)
        self.older = _less(self.older, spans)


@dataclass(slots=True)
class Activity:
    """What has happened since the start, for whoever watches."""

    polls: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    gaps: int = 0
    failures: int = 0
    last_poll: float | None = None
    problem: str = ""

    @property
    def corrected(self) -> int:
        return self.inserted + self.updated + self.deleted

    def count(self, done: Corrections) -> None:
        self.inserted += done.inserted
        self.updated += done.updated
        self.deleted += done.deleted


class ChangeFollower:
    """Runs until the stop drains. One event loop, no threads of its own."""

    def __init__(
        self,
        source: ChangeSource,
        lakeward: Lakeward,
        book: FollowedBook,
        *,
        now: Callable[[], Awaitable[int]],
        pace: Pace | None = None,
        stop: Stop | None = None,
    ) -> None:
        self._source = source
        self._lakeward = lakeward
        self._book = book
        self._now = now
        self._pace = pace or Pace()
        self._stop = stop or Stop()
        self._tags: dict[str, Followed] = {}
        self._advancing: asyncio.Task[None] | None = None
        self._flushed = float("-inf")
        self._moment = 0
        self.activity = Activity()

    @property
    def followed(self) -> Mapping[str, Followed]:
        """The tags by WebId."""
        return self._tags

    async def _follow(self, webids: Collection[str]) -> None:
        """Follow exactly these tags from now on."""
        new = [webid for webid in webids if webid not in self._tags]
        moments = await asyncio.to_thread(self._book.moments) if new else {}
        markers = await asyncio.to_thread(self._book.markers) if new else {}
        for webid in new:
            self._tags[webid] = Followed(markers.get(webid), moments.get(webid))
        for webid in self._tags.keys() - set(webids):
            del self._tags[webid]

    async def run(self) -> None:
        """Poll, correct, advance; then a last poll. Outages of server and lake are waited out.

        Raises what waiting does not cure: ``SettingsError``, ``AuthRefused``, bugs.
        """
        waits = 0
        try:
            while not self._stop.draining:
                try:
                    await self.step()
                except (SourceUnavailable, SinkUnavailable) as error:
                    self.activity.failures += 1
                    self.activity.problem = str(error)
                    waits += 1
                else:
                    self.activity.problem, waits = "", 0
                await self._pause(later(self._pace.poll, waits, _LONGEST_WAIT))
            await self._settle()
        finally:
            if self._advancing is not None:
                self._advancing.cancel()
                await asyncio.gather(self._advancing, return_exceptions=True)

    async def step(self) -> None:
        """One poll with everything that follows from it."""
        await self._collect()
        await self._follow(self._lakeward.chosen())
        moment = await self._now()
        await self._register(moment)
        await self._poll()
        await self._apply()
        self._moment = moment
        for tag in self._tags.values():
            if tag.marker is not None and not tag.gaps and not tag.stuck:
                tag.certain = moment
        await self._flush()

    async def _settle(self) -> None:
        """What is under way and what was heard is committed before the end."""
        if self._advancing is not None:
            await asyncio.gather(self._advancing, return_exceptions=True)
            self._advancing = None
        with suppress(SourceUnavailable, SinkUnavailable):  # then the next start reads a longer gap again
            await self._apply()
            await self._mark()

    async def _pause(self, seconds: float) -> None:
        end = monotonic() + seconds
        while True:
            if self._stop.draining or monotonic() >= end:
                return
            await asyncio.sleep(min(0.1, max(0.0, end - monotonic())))

    async def _register(self, moment: int) -> None:
        """Register whoever is not, and note what may have happened before."""
        if not (wanted := self._unheard):
            return
        answer = await self._source.register(wanted)
        for webid in wanted:
            tag = self._tags[webid]
            tag.refused = answer.refused.get(webid, "")
            if webid in answer.markers:
                tag.marker = answer.markers[webid]
                self._gap(tag, moment)
            else:
                tag.register_at = monotonic() + _LONGEST_RETRY

    def _gap(self, tag: Followed, moment: int) -> None:
        """Everything since the last certain moment may have changed."""
        since = moment if tag.certain is None else min(tag.certain, moment)
        start = max(0, since - self._pace.look_back)
        if start < moment:
            tag.hint([Span(start, moment)])
        if self._pace.compare and start:
            tag.gaps = union([*tag.gaps, Span(max(0, start - self._pace.compare), start)])
        self.activity.gaps += 1

    async def _poll(self) -> None:
        markers = {webid: tag.marker for webid, tag in self._tags.items() if tag.marker is not None}
        for _ in range(_ROUNDS):
            if not markers:
                break
            news = await self._source.poll(markers)
            for webid, changes in news.changes.items():
                self._hear(self._tags[webid], changes)
            for webid, marker in news.markers.items():
                self._tags[webid].marker = marker
            for webid in news.lost:
                self._tags[webid].marker = None
            markers = {webid: news.markers[webid] for webid in news.more if webid in news.markers}
        self.activity.polls += 1
        self.activity.last_poll = monotonic()
        if self._unheard:
            await self._register(await self._now())

    @property
    def _unheard(self) -> list[str]:
        """Tags to register now."""
        now = monotonic()
        return [w for w, tag in self._tags.items() if tag.marker is None and tag.register_at <= now]

    def _hear(self, tag: Followed, changes: Sequence[Change]) -> None:
        self.activity.changes.update(change.action for change in changes)
        tag.hint([Span(change.at, change.at + 1) for change in changes if change.at is not None])
        if any(change.at is None or change.action == "refresh" for change in changes):
            tag.marker = None  # registered anew, and read again since the last certain moment

    async def _apply(self) -> None:
        """Read again what was hinted, as far as coverage claims it."""
        ready = {w: tag for w, tag in self._tags.items() if tag.retry_at <= monotonic()}
        if not any(tag.places or tag.gaps for tag in ready.values()):
            return
        covered = await self._lakeward.covered()
        hinted = {webid: _cut(tag.places, covered.get(webid, ())) for webid, tag in ready.items()}
        if any(hinted.values()):
            done = await self._lakeward.correct(_gathered(hinted, covered, self._moment))
            self.activity.count(done)
            failed = {each.failure.tag.webid for each in done.failed}
            for webid, spans in hinted.items():
                if webid in failed:
                    ready[webid].failed()
                elif spans:
                    ready[webid].succeeded(spans)
        await self._compare(ready, covered)

    async def _compare(self, ready: Mapping[str, Followed], covered: Mapping[str, Sequence[Span]]) -> None:
        gaps = {webid: _cut(tag.gaps, covered.get(webid, ())) for webid, tag in ready.items()}
        if any(gaps.values()):
            done = await self._lakeward.compare({webid: spans for webid, spans in gaps.items() if spans})
            self.activity.count(done)
        for tag in ready.values():
            tag.gaps = []

    async def _collect(self) -> None:
        """Take note of a run that has ended."""
        if self._advancing is not None and self._advancing.done():
            finished, self._advancing = self._advancing, None
            await finished

    async def _flush(self) -> None:
        """Commit how far we are, and start the next run. Not while one is under way: what is hinted now
        may lie where that has read already and not yet committed."""
        if self._advancing is None and monotonic() - self._flushed >= self._pace.flush:
            self._flushed = monotonic()
            await self._mark()
            self._advancing = asyncio.create_task(self._advance())

    async def _advance(self) -> None:
        """New events; what was hinted before and is read by that is done."""
        for tag in self._tags.values():
            tag.older, tag.hints = tag.places, []
        read: Spans = {}
        covered: Mapping[str, Sequence[Span]] = {}
        try:
            read = await self._lakeward.advance()
            covered = await self._lakeward.covered() if read else {}
        finally:
            for webid, tag in self._tags.items():
                done = _cut(read.get(webid, ()), covered.get(webid, ()))
                tag.hints, tag.older = union([*tag.hints, *_less(tag.older, done)]), []

    async def _mark(self) -> None:
        """Commit up to which moment each followed tag is certain."""
        certain = [w for w, tag in self._tags.items() if tag.certain == self._moment and not tag.stuck]
        if certain and self._moment:
            markers = {w: marker for w in certain if (marker := self._tags[w].marker) is not None}
            await asyncio.to_thread(self._book.mark, markers, self._moment)


def _less(spans: Sequence[Span], without: Sequence[Span]) -> list[Span]:
    return [rest for each in spans for rest in subtract(each, without)]


def _cut(spans: Sequence[Span], allowed: Sequence[Span]) -> list[Span]:
    """The parts of ``spans`` that lie in ``allowed``."""
    return [
        Span(max(each.start, limit.start), min(each.end, limit.end))
        for each in spans
        for limit in allowed
        if each.start < limit.end and each.end > limit.start
    ]


def _gathered(
    hinted: Mapping[str, Sequence[Span]], covered: Mapping[str, Sequence[Span]], edge: int
) -> dict[str, list[Span]]:
    """Spans to read: those near ``edge`` widened to one that all tags share, which needs few requests."""
    recent = [span for spans in hinted.values() for span in spans if span.start >= edge - _NEAR]
    common = Span(min(s.start for s in recent), max(s.end for s in recent)) if recent else Span(0, 0)
    found: dict[str, list[Span]] = {}
    for webid, spans in hinted.items():
        wide = [common if span.start >= edge - _NEAR else span for span in spans]
        if cut := union(_cut(wide, covered[webid])) if spans else []:
            found[webid] = cut
    return found
