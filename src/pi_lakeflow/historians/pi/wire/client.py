"""A PI Web API client for people: synchronous, and usable in a notebook.

    with PIWebAPIClient("https://server/piwebapi", auth=("user", "password")) as client:
        client.get("/streams/I1DP.../recorded", {"startTime": "*-1d"})
        for page in client.pages("/assetdatabases/I1RD.../elements", {"searchFullHierarchy": True}):
            ...
        result = client.batch({"now": {"Method": "GET", "Resource": "streams/I1DP.../value"}})
        failed_children(result)                      # {} or id -> error

``AsyncPIWebAPIClient`` has the same methods as coroutines; ``PIWebAPIClient`` runs one of them on
the private loop of :mod:`pi_lakeflow.aio`, and may be used from many threads. Both are thin: all
requests go through one :class:`~pi_lakeflow.historians.pi.wire.transport.Transport`.

Signatures::

    PIWebAPIClient(base_url, auth=None, *, verify=True, max_in_flight=8, rate_per_second=None,
                   connection=None, retry=None, observer=ignore)
    get(path, params=None, *, headers=None) -> dict     post(path, json, params=None) -> Any
    batch(requests) -> dict                             pages(path, params=None) -> iterator of dicts
    items(path, params=None) -> iterator of dicts       close()
    run(coroutine)    run other async code on the client's loop;    client.aio   its async twin
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl

from pi_lakeflow import aio
from pi_lakeflow.errors import SourceUnavailable
from pi_lakeflow.flow.gate import Gate
from pi_lakeflow.flow.limit import AdaptiveLimit
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.historians.pi.wire.auth import make_auth
from pi_lakeflow.historians.pi.wire.batch import BatchRequest, checked, failed_children, prepared
from pi_lakeflow.historians.pi.wire.connection import Connection
from pi_lakeflow.historians.pi.wire.paging import Pager
from pi_lakeflow.historians.pi.wire.transport import Transport
from pi_lakeflow.model.events import Observer, ignore

__all__ = ["AsyncPIWebAPIClient", "PIWebAPIClient", "failed_children"]

T = TypeVar("T")

_AT_A_TIME = 1_000  # items of a page
QueryParams = Mapping[str, Any] | Sequence[tuple[str, Any]] | None


class AsyncPIWebAPIClient:
    """The client as coroutines. Opens at first use; ``async with`` or ``aclose()`` ends it."""

    def __init__(
        self,
        base_url: str,
        auth: object = None,
        *,
        verify: bool | str | Path = True,
        max_in_flight: int = 8,
        rate_per_second: float | None = None,
        connection: Connection | None = None,
        retry: RetryPolicy | None = None,
        observer: Observer = ignore,
    ) -> None:
        if connection is None:
            connection = Connection(base_url, verify=verify, pool_size=max_in_flight)
        else:
            connection = replace(connection, base_url=base_url)
        limit = AdaptiveLimit(min(4, max_in_flight), maximum=max_in_flight)
        gate = Gate(max_in_flight, rate_per_second, limit=limit, observer=observer)
        self.base_url = str(connection.root)
        self.transport = Transport(connection, make_auth(auth), gate, retry, observer)
        self._opening = asyncio.Lock()
        self._is_open = False

    async def get(
        self, path: str, params: QueryParams = None, *, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The JSON object at ``path`` (below the root, or a link of the server)."""
        transport = await self._open()
        plain, pairs = split_query(path, params)
        answer = await transport.json("GET", plain, params=pairs, headers=headers)
        if not isinstance(answer, dict):
            raise SourceUnavailable("the answer is not a JSON object", subject=f"GET {plain}")
        return answer

    async def post(self, path: str, json: object, params: QueryParams = None) -> Any:
        """Post JSON; the parsed answer, or None when there is none. Not retried unless it is a batch."""
        transport = await self._open()
        plain, pairs = split_query(path, params)
        return await transport.json("POST", plain, params=pairs, json=json)

    async def batch(self, requests: Mapping[str, BatchRequest]) -> dict[str, dict[str, Any]]:
        """All answers by id, failed ones included: see ``failed_children``. A missing id raises."""
        transport = await self._open()
        body = prepared(transport.connection.root, requests)
        answer = await transport.json("POST", "batch", json=body)
        return checked(requests, answer, subject="POST batch")

    async def pages(self, path: str, params: QueryParams = None) -> AsyncGenerator[dict[str, Any], None]:
        """The pages of a list, to its end."""
        plain, pairs = split_query(path, params)
        pager = Pager(plain, pairs)
        step: tuple[str, list[tuple[str, Any]]] | None = pager.first()
        while step is not None:
            page = await self.get(*step)
            yield page
            step = pager.after(page)

    async def items(self, path: str, params: QueryParams = None) -> AsyncIterator[Any]:
        """The items of a list, over all its pages."""
        async with aclosing(self.pages(path, params)) as pages:
            async for page in pages:
                for place, item in enumerate(page.get("Items") or []):
                    if place % _AT_A_TIME == _AT_A_TIME - 1:
                        await asyncio.sleep(0)  # others on the loop want their turn within milliseconds
                    yield item

    async def aclose(self) -> None:
        """Close all connections; the client may be used again afterwards."""
        async with self._opening:
            self._is_open = False
            await self.transport.aclose()

    async def _open(self) -> Transport:
        async with self._opening:
            if not self._is_open:
                await self.transport.__aenter__()
                self._is_open = True
        return self.transport

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"


class PIWebAPIClient:
    """The client for synchronous code. See the module's docstring for the arguments."""

    def __init__(self, base_url: str, auth: object = None, **options: Any) -> None:
        self.aio = AsyncPIWebAPIClient(base_url, auth, **options)
        self.base_url = self.aio.base_url
        self._cleanup = weakref.finalize(self, _close_later, self.aio)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop that the client's connections live on, and wait for it."""
        return aio.run(coroutine)

    def get(
        self, path: str, params: QueryParams = None, *, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The JSON object at ``path``, such as ``/streams/{webId}/recorded``."""
        return aio.run(self.aio.get(path, params, headers=headers))

    def post(self, path: str, json: object, params: QueryParams = None) -> Any:
        """Post JSON; the parsed answer, or None when there is none."""
        return aio.run(self.aio.post(path, json, params))

    def batch(self, requests: Mapping[str, BatchRequest]) -> dict[str, dict[str, Any]]:
        """All answers by id, failed ones included: see ``failed_children``. A missing id raises."""
        return aio.run(self.aio.batch(requests))

    def pages(self, path: str, params: QueryParams = None) -> Iterator[dict[str, Any]]:
        """The pages of a list, to its end, each fetched when it is asked for."""
        return _pulled(self.aio.pages(path, params))

    def items(self, path: str, params: QueryParams = None) -> Iterator[Any]:
        """The items of a list, over all its pages."""
        for page in self.pages(path, params):
            yield from page.get("Items") or []

    def close(self) -> None:
        """Close all connections."""
        aio.run(self.aio.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"


def _pulled(source: AsyncIterator[T]) -> Iterator[T]:
    async def pull() -> list[T]:
        async for item in source:
            return [item]
        return []

    while pulled := aio.run(pull()):
        yield from pulled


def _close_later(client: AsyncPIWebAPIClient) -> None:
    aio.spawn(client.aclose())


def split_query(path: str, params: QueryParams) -> tuple[str, list[tuple[str, Any]]]:
    """A path that may hold a query, and parameters as pairs: lists repeat a key, None drops it.

    Links of the server are left as they are. Datetimes become UTC (naive ones are local time).
    """
    pairs = [pair for key, value in _pairs(params) for pair in _expanded(key, value)]
    if "://" in path or "?" not in path:
        return path, pairs
    plain, _, query = path.partition("?")
    return plain, [*parse_qsl(query, keep_blank_values=True), *pairs]


def _pairs(params: QueryParams) -> Iterable[tuple[str, Any]]:
    if params is None:
        return ()
    return params.items() if isinstance(params, Mapping) else params


def _expanded(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list | tuple | set):
        for one in value:
            yield from _expanded(key, one)
    elif isinstance(value, datetime):
        yield key, value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    elif value is not None:
        yield key, value
