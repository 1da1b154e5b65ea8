"""Live values for people: subscribe to tags, get a call for each value.

    client = PIWebSocketClient("https://server/piwebapi", username="user", password="pass")
    await client.connect()
    await client.subscribe_to_multiple_tags(["SINUSOID", "CDT158"], callback)
    await client.listen()                            # until disconnect()

``callback(tag_webid, data)`` may be a function or a coroutine function. ``data`` has the columns
of the live table: ``timestamp`` (aware, UTC), ``value`` (float or None), ``value_text``,
``state_code``, ``value_kind``, ``units``, the flags, ``tag_name``, ``received_at``.

The server has no subscriptions: the URL of a channel names its streams. So thousands of tags are several
channels behind this one face. New tags get new channels; when there are many small ones, one that
replaces them is opened before they are closed, and what both tell is passed on once. Broken
channels are opened again. There is no replay: ``gaps`` says from when until when which tags were deaf.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from pi_lakeflow.errors import Refused, SettingsError
from pi_lakeflow.historians.pi.catalog import Catalog
from pi_lakeflow.historians.pi.decode.channel import decode_messages
from pi_lakeflow.historians.pi.decode.page import StreamMeta
from pi_lakeflow.historians.pi.live.packing import cost, packed, room
from pi_lakeflow.historians.pi.live.records import records_of
from pi_lakeflow.historians.pi.live.sockets import ChannelOptions, Sockets
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.settings.selection import parse_selection

Callback = Callable[[str, dict[str, Any]], Awaitable[None] | None]
Key = tuple[Any, ...]

_QUEUED = 1_000  # messages that wait for listen()
_GAPS = 10_000
_TOGETHER = 200  # messages that are read at once
_TIDY_AFTER = 1.0  # seconds of quiet


@dataclass(frozen=True, slots=True)
class Gap:
    """Tags (by the ids that callbacks get) whose values nobody heard from ``since`` to ``until``."""

    tags: tuple[str, ...]
    since: datetime
    until: datetime
    reason: str


@dataclass(slots=True)
class _Group:
    """Streams that share a channel."""

    webids: tuple[str, ...]
    since: datetime | None = None
    reason: str = ""


@dataclass(slots=True)
class _Overlap:
    """Channels that tell of the same streams: what the old ones have told, and what the new one wants to."""

    told: Counter[Key] = field(default_factory=Counter)
    waiting: list[dict[str, Any]] = field(default_factory=list)


class PIWebSocketClient:
    """``username`` and ``password`` or ``auth`` (anything that ``PIWebAPIClient`` takes) say who we are;
    further options are those of ``PIWebAPIClient`` (``verify``, ``connection`` ...).
    """

    def __init__(
        self,
        base_url: str,
        username: str | None = None,
        password: str | None = None,
        *,
        auth: object = None,
        data_server: str | None = None,
        options: ChannelOptions | None = None,
        **client_options: Any,
    ) -> None:
        given = (username, password) if auth is None and username is not None else auth
        self.aio = AsyncPIWebAPIClient(base_url, given, **client_options)
        self.gaps: deque[Gap] = deque(maxlen=_GAPS)
        self.failures: dict[str, Refused] = {}
        self._catalog = Catalog(self.aio, data_server)
        self._options = options or ChannelOptions()
        self._sockets = Sockets(self.aio.transport, self, self._options)
        self._queue: asyncio.Queue[tuple[str, bytes, int]] = asyncio.Queue()
        self._room = asyncio.Event()
        self._tags: dict[str, Tag] = {}
        self._meta: dict[str, StreamMeta] = {}
        self._written: dict[str, str] = {}  # our WebId -> what the caller wrote
        self._callbacks: dict[str, list[Callback]] = {}
        self._groups: dict[str, _Group] = {}
        self._overlaps: dict[str, tuple[_Overlap, bool]] = {}  # channel -> overlap, whether it is the old one
        self._names = 0
        self._tidying: asyncio.Task[None] | None = None
        self._done = asyncio.Event()

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """What is subscribed to, as it was written."""
        return tuple(self._written[webid] for webid in self._callbacks)

    @property
    def reconnects(self) -> int:
        """How often a channel broke."""
        return self._sockets.reconnects

    async def connect(self) -> None:
        """Reach the server. Raises ``AuthRefused``, ``TlsRefused``, ``SourceUnavailable``."""
        try:
            await self.aio.get("system", {"selectedFields": "ProductVersion"})
        except BaseException:
            await self.aio.aclose()
            raise
        self._done.clear()

    async def subscribe_to_tag(self, tag: str, callback: Callback) -> None:
        """Hear of one tag: a WebId, a name, or any other form of the configuration's ``tags``."""
        await self.subscribe_to_multiple_tags([tag], callback)

    async def subscribe_to_tags(self, tags: Sequence[str], callback: Callback) -> None:
        """The same as ``subscribe_to_multiple_tags``."""
        await self.subscribe_to_multiple_tags(tags, callback)

    async def subscribe_to_multiple_tags(self, tags: Sequence[str], callback: Callback) -> None:
        """Hear of several tags; returns when their channels are open.

        A tag may have several callbacks. Raises ``Refused`` for a tag that does not exist; nothing is
        subscribed to then.
        """
        found = await self._resolved(tags)
        fresh = [webid for webid in found if webid not in self._callbacks]
        for webid, (written, tag) in found.items():
            self._tags[webid], self._meta[webid] = tag, StreamMeta(tag.point_type)
            self._written.setdefault(webid, written)
            self._callbacks.setdefault(webid, []).append(callback)
        held = {webid for group in self._groups.values() for webid in group.webids}
        await self._add([webid for webid in fresh if webid not in held])
        self._tidy_later()

    async def unsubscribe(self, *tags: str) -> None:
        """Hear no more of these tags, written as they were subscribed to; without any: of all."""
        wanted = set(tags) if tags else set(self._written.values())
        unknown = wanted - set(self._written.values())
        if unknown:
            raise SettingsError(f"not subscribed to: {', '.join(sorted(unknown))}", subject="unsubscribe")
        for webid in [webid for webid, written in self._written.items() if written in wanted]:
            self._callbacks.pop(webid, None)
            self._written.pop(webid, None)
        self._tidy_later()

    async def listen(self) -> None:
        """Pass values to the callbacks until ``disconnect``. An exception of a callback comes out here."""
        work = {
            asyncio.create_task(self._pass_on()),
            asyncio.create_task(self._sockets.failed()),
            asyncio.create_task(self._drained()),
        }
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def disconnect(self) -> None:
        """Close all channels; ``listen`` passes on what has arrived, and returns."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.gather(self._tidying, return_exceptions=True)
        await self._sockets.aclose()
        self._groups.clear()
        self._done.set()
        await self.aio.aclose()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    # -- what the sockets tell ---------------------------------------------------------------------

    async def opened(self, name: str) -> None:
        group = self._groups.get(name)
        if group is not None and group.since is not None:
            tags = tuple(self._written[w] for w in group.webids if w in self._written)
            self.gaps.append(Gap(tags, group.since, datetime.now(UTC), group.reason))
            group.since = None

    async def message(self, name: str, body: bytes, at: int) -> None:
        self._queue.put_nowait((name, body, at))
        while self._queue.qsize() > _QUEUED:
            self._room.clear()
            await self._room.wait()

    async def ended(self, name: str, reason: str) -> None:
        group = self._groups.get(name)
        if group is not None and group.since is None:
            group.since, group.reason = datetime.now(UTC), reason

    async def refused(self, _name: str, webid: str, error: Refused, /) -> None:
        self.failures[self._written.get(webid, webid)] = error

    # -- subscriptions -----------------------------------------------------------------------------

    async def _resolved(self, tags: Sequence[str]) -> dict[str, tuple[str, Tag]]:
        """What each tag is, by our own WebId of it."""
        whole = await self._catalog.resolve(parse_selection(list(tags)))
        if whole.failures:
            first = whole.failures[0]
            more = f" (and {len(whole.failures) - 1} others)" if len(whole.failures) > 1 else ""
            raise Refused(
                first.message, subject=f"{first.tag.name}{more}", hint=first.hint, status=first.status
            )
        written = await self._as_written(tags, whole.tags.values())
        return {webid: (written.get(webid, webid), tag) for webid, tag in whole.tags.items()}

    async def _as_written(self, tags: Sequence[str], found: Iterable[Tag]) -> dict[str, str]:
        """What the caller wrote for each WebId: itself, a name or a path; else the WebId."""
        known = {form: tag.webid for tag in found for form in (tag.webid, tag.name.casefold(), tag.path)}
        written: dict[str, str] = {}
        for text in tags:
            plain = text.removeprefix("name:").removeprefix("webid:")
            webid = known.get(plain) or known.get(plain.casefold())
            if webid is None and parse_selection(text).selectors[0].may_be_webid:
                single = await self._catalog.resolve(parse_selection(text))
                webid = next(iter(single.tags), None)
            if webid is not None:
                written.setdefault(webid, text)
        return written

    @property
    def _space(self) -> int:
        return room(self.aio.base_url, self.aio.transport.connection.max_url_length)

    async def _add(self, webids: Sequence[str]) -> None:
        """Open channels for new streams."""
        parts = packed(webids, self._space, most=self._options.streams)
        await asyncio.gather(*(self._open(part) for part in parts))

    async def _open(self, webids: Sequence[str]) -> str:
        self._names += 1
        name = str(self._names)
        self._groups[name] = _Group(tuple(webids))
        try:
            await self._sockets.open(name, webids)
        except BaseException:
            del self._groups[name]
            for webid in webids:
                self._callbacks.pop(webid, None)
                self._written.pop(webid, None)
            raise
        return name

    def _tidy_later(self) -> None:
        if self._tidying is None or self._tidying.done():
            self._tidying = asyncio.create_task(self._tidy())

    async def _tidy(self) -> None:
        """Replace channels that are mostly empty, or mostly of streams that nobody wants."""
        await asyncio.sleep(_TIDY_AFTER)
        while small := self._small():
            wanted = [w for name in small for w in self._groups[name].webids if w in self._callbacks]
            for part in packed(wanted, self._space, most=self._options.streams):
                names = [name for name in small if not self._wanted(name).isdisjoint(part)]
                await self._replace(names, part)
                small = [name for name in small if name not in names]
            for name in small:
                await self._close(name)

    def _wanted(self, name: str) -> set[str]:
        return {webid for webid in self._groups[name].webids if webid in self._callbacks}

    def _small(self) -> list[str]:
        """Channels less than half of which is wanted, or that could be one: two at least, or an idle one."""
        half = min(self._space // 2, self._options.streams * cost("x" * 34) // 2)
        sizes = {name: sum(map(cost, self._wanted(name))) for name in self._groups}
        small = [name for name, size in sizes.items() if size < half]
        idle = [name for name in small if 2 * sizes[name] < sum(map(cost, self._groups[name].webids))]
        return small if len(small) > 1 else idle

    async def _replace(self, olds: Sequence[str], webids: Sequence[str]) -> None:
        """Another channel in place of others, without a moment in which nobody listens."""
        overlap = _Overlap()
        new = str(self._names + 1)
        self._overlaps |= {new: (overlap, False)} | dict.fromkeys(olds, (overlap, True))
        try:
            await self._open(webids)
            await asyncio.sleep(self._options.overlap.total_seconds())
        finally:
            if new in self._groups:
                await asyncio.gather(*(self._close(old) for old in olds))
            self._queue.put_nowait((new, b"", 0))  # behind all that the old ones brought

    async def _close(self, name: str) -> None:
        await self._sockets.close(name)
        self._groups.pop(name, None)

    async def _drained(self) -> None:
        await self._done.wait()
        await self._queue.join()

    # -- values ------------------------------------------------------------------------------------

    async def _pass_on(self) -> None:
        while True:
            taken = [await self._queue.get()]
            while not self._queue.empty() and len(taken) < _TOGETHER:
                taken.append(self._queue.get_nowait())
            self._room.set()
            try:
                await self._pass_on_these(taken)
            finally:
                for _ in taken:
                    self._queue.task_done()
            await asyncio.sleep(0)  # the sockets want to read

    async def _pass_on_these(self, taken: list[tuple[str, bytes, int]]) -> None:
        """Messages in order; an empty one ends an overlap."""
        while taken:
            count = next((n for n, (_, body, _) in enumerate(taken) if not body), len(taken))
            some, rest = taken[:count], taken[count:]
            for place, record in self._records(some) if some else ():
                if (slow := self._take(some[place][0], record)) is not None:
                    await slow
            if rest:
                await self._end_overlap(rest[0][0])
            taken = rest[1:]

    def _records(self, some: Sequence[tuple[str, bytes, int]]) -> Iterator[tuple[int, dict[str, Any]]]:
        messages = decode_messages([body for _, body, _ in some], self._meta)
        for place, reason in messages.broken:
            group, now = self._groups.get(some[place][0]), datetime.now(UTC)
            tags = tuple(self._written[w] for w in group.webids if w in self._written) if group else ()
            self.gaps.append(Gap(tags, now, now, f"a message cannot be read: {reason}"))
        return records_of(messages, self._tags, [at for *_, at in some])

    def _take(self, name: str, record: dict[str, Any]) -> Awaitable[None] | None:
        """What there is to wait for: a coroutine for each value would cost more than most callbacks."""
        overlap, is_old = self._overlaps.get(name, (None, False))
        if overlap is not None and not is_old:
            overlap.waiting.append(record)
            return None
        if overlap is not None:
            overlap.told[_key(record)] += 1
        return self._call(record)

    async def _end_overlap(self, new: str) -> None:
        overlap, _ = self._overlaps[new]
        self._overlaps = {name: known for name, known in self._overlaps.items() if known[0] is not overlap}
        for record in overlap.waiting:
            if overlap.told[_key(record)] > 0:
                overlap.told[_key(record)] -= 1
            elif (slow := self._call(record)) is not None:
                await slow

    def _call(self, record: dict[str, Any]) -> Awaitable[None] | None:
        """Call whoever subscribed; from the first coroutine on, that is left to be awaited."""
        webid = record.pop("tag_webid")
        callbacks, tag = self._callbacks.get(webid, ()), self._written.get(webid, webid)
        for place, callback in enumerate(callbacks):
            answer = callback(tag, record)
            if answer is not None and inspect.isawaitable(answer):
                return _one_after_the_other(answer, callbacks[place + 1 :], tag, record)
        return None


async def _one_after_the_other(
    first: Awaitable[None], others: Iterable[Callback], tag: str, record: dict[str, Any]
) -> None:
    await first
    for callback in others:
        answer = callback(tag, record)
        if answer is not None and inspect.isawaitable(answer):
            await answer


def _key(record: dict[str, Any]) -> Key:
    return tuple(value for name, value in record.items() if name != "received_at")
