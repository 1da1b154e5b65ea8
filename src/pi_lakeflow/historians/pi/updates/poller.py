"""Registers streams for updates and polls them: many streams to a request.

A poll may fail as a whole because one marker is unknown (a restart, another instance, an expired
cache), so it is halved a few times. Whoever fails then counts as lost: that is always safe, since such a
tag is registered and read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pi_lakeflow.errors import Refused, SettingsError, SourceUnavailable, TooLarge, Transient
from pi_lakeflow.historians.pi.decode.updates import Poll, decode_polls, decode_registrations
from pi_lakeflow.historians.pi.wire.transport import Transport
from pi_lakeflow.model.changes import News, Registered

T = TypeVar("T")
_URL = 6_000  # characters: HTTP.sys refuses long ones
_MOST = 100
_HALVINGS = 3
_FULL = 1_000  # events of one stream after which more may wait
_REGISTER_FIELDS = "Items.Source;Items.LatestMarker;Items.Status;Items.Exception;WebException;Errors"
_POLL_FIELDS = (
    "Items.Source;Items.RequestedMarker;Items.LatestMarker;Items.Status;Items.Exception;"
    "Items.Events.Timestamp;Items.Events.Action;WebException;Errors"
)


class UpdatePoller:
    """Stream Updates as a :class:`~pi_lakeflow.model.changes.ChangeSource`. Keeps no markers."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def register(self, webids: Sequence[str]) -> Registered:
        """Raises ``SourceUnavailable`` when the server does not answer, ``AuthRefused`` when it
        does not know us."""
        found = Registered()
        await asyncio.gather(*(self._register(group, found) for group in _chunks(webids, "webId")))
        return found

    async def poll(self, markers: Mapping[str, str]) -> News:
        """Raises as ``register`` does; a marker that the server does not know is ``lost``."""
        news = News()
        owners = {marker: webid for webid, marker in markers.items()}
        await asyncio.gather(*(self._poll(group, owners, news) for group in _chunks(list(owners), "marker")))
        return news

    async def _register(self, webids: Sequence[str], found: Registered) -> None:
        params = [("webId", webid) for webid in webids]
        params += [("selectedFields", _REGISTER_FIELDS), ("webIdType", "IDOnly")]
        try:
            items = await self._ask("POST", params, decode_registrations)
        except (Refused, TooLarge) as error:
            if isinstance(error, Refused) and "No HTTP resource" in error.message:
                raise SettingsError(
                    "the server has no Stream Updates (they came with PI Web API 2018 SP1)",
                    subject="streaming.mode",
                    hint="set streaming.mode: channels, and late_data.look_back for what they do not show",
                ) from error
            if len(webids) == 1:
                found.refused[webids[0]] = error.message
                return
            await asyncio.gather(*(self._register(half, found) for half in _halves(webids)))
            return
        for place, item in enumerate(items):
            webid = item.webid or (webids[place] if len(items) == len(webids) else "")
            if webid in webids and item.marker is not None:
                found.markers[webid] = item.marker
            elif webid in webids:
                found.refused[webid] = item.error or "the registration failed"
        for webid in set(webids) - found.markers.keys() - found.refused.keys():
            found.refused[webid] = "the answer lacks this stream"

    async def _poll(
        self, markers: Sequence[str], owners: Mapping[str, str], news: News, halvings: int = _HALVINGS
    ) -> None:
        params = [("marker", marker) for marker in markers]
        params += [("selectedFields", _POLL_FIELDS), ("webIdType", "IDOnly")]
        try:
            items = await self._ask("GET", params, decode_polls)
        except (Refused, TooLarge) as error:
            if len(markers) == 1 or not halvings:
                news.lost |= {owners[marker]: error.message for marker in markers}
                return
            halves = _halves(markers)
            await asyncio.gather(*(self._poll(half, owners, news, halvings - 1) for half in halves))
            return
        told: set[str] = set()
        for place, item in enumerate(items):
            marker = item.requested or (markers[place] if len(items) == len(markers) else "")
            if marker in owners and marker not in told:
                told.add(marker)
                _take(owners[marker], item, news)
        for marker in set(markers) - told:
            news.lost[owners[marker]] = "the answer lacks this stream"

    async def _ask(
        self, method: str, params: Sequence[tuple[str, str]], decode: Callable[[bytes], list[T]]
    ) -> list[T]:
        subject = f"{method} streamsets/updates"
        response = await self._transport.request(method, "streamsets/updates", params=params, idempotent=True)
        try:
            return decode(response.body)
        except Transient as error:
            raise SourceUnavailable("the answer cannot be used", subject=subject) from error


def _take(webid: str, item: Poll, news: News) -> None:
    if item.changes:
        news.changes[webid] = item.changes
    if item.error is not None or not item.marker:
        news.lost[webid] = item.error or "the answer has no marker"
        return
    news.markers[webid] = item.marker
    if len(item.changes) >= _FULL:
        news.more.add(webid)


def _halves(items: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    middle = len(items) // 2
    return items[:middle], items[middle:]


def _chunks(items: Sequence[str], name: str) -> list[Sequence[str]]:
    longest = max((len(item) for item in items), default=1) + len(name) + 2
    count = max(1, min(_MOST, _URL // longest))
    return [items[first : first + count] for first in range(0, len(items), count)]
