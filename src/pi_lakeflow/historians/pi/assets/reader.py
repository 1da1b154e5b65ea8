"""Reads the listings that some tables need, each once, and hands out their rows.

Lists below a single object, and large ones, are read page by page; lists below many objects go a
hundred at a time through ``POST /batch``. So the number of requests follows the number of pages and
batches, never that of elements. A listing that fails takes those below it with it; the tables that
need it are not complete then.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow as pa

from pi_lakeflow.errors import PiLakeflowError, Refused, TooLarge
from pi_lakeflow.historians.pi.assets.fields import AssetTable, Item, look
from pi_lakeflow.historians.pi.assets.listings import Listing, with_parents
from pi_lakeflow.historians.pi.wire.batch import failed_children
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient

_PAGE = 5_000
_PER_BATCH = 100
_IDS_PER_REQUEST = 70  # of about 80 characters each
_REQUESTS_OF_IDS = 50  # in one batch
_BATCHES_AT_ONCE = 8
_GONE = (404, 410)
_SOURCE = re.compile(r"\{([^}]+)\}")
Deliver = Callable[[AssetTable, pa.RecordBatch], None]
Wanted = Callable[[Item], bool]


@dataclass(slots=True)
class Outcome:
    """What became of each listing: ``failed`` with its error, or ``absent`` on this server."""

    failed: dict[str, PiLakeflowError] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)

    def error_of(self, table: AssetTable) -> PiLakeflowError | None:
        """Why a table is not complete; None when it is, or when the server does not offer it."""
        return next((self.failed[name] for name in table.listings if name in self.failed), None)

    def is_absent(self, table: AssetTable) -> bool:
        return any(name in self.absent for name in table.listings)


class AssetReader:
    """Reads for ``tables``. ``wanted`` picks asset databases, ``ingested_at`` is in microseconds."""

    def __init__(
        self,
        client: AsyncPIWebAPIClient,
        tables: Sequence[AssetTable],
        *,
        ingested_at: int,
        wanted: Wanted = lambda _: True,
    ) -> None:
        self._client = client
        self._tables = tables
        self._ingested_at = ingested_at
        self._wanted = wanted
        self._listings = with_parents({name for table in tables for name in table.listings})
        self._kept: dict[str, list[Item]] = {}
        self._ids: dict[str, dict[str, None]] = {each.name: {} for each in self._listings if each.grouped}
        self._seen: set[str] = set()
        self._begun: set[str] = set()  # listings of which something was read
        self._turns = asyncio.Semaphore(_BATCHES_AT_ONCE)

    async def read(self, deliver: Deliver) -> Outcome:
        """Read everything; ``deliver`` gets the rows as they come.

        Raises what stops everybody (``Unavailable``, ``SettingsError``); refusals are in the outcome.
        """
        # AF answers from a cache of our user, which may be minutes old: refresh it first
        await self._client.get(
            "assetservers", {"selectedFields": "Items.WebId"}, headers={"Cache-Control": "no-cache"}
        )
        outcome = Outcome()
        done = {listing.name: asyncio.Event() for listing in self._listings}
        try:
            async with asyncio.TaskGroup() as group:
                for listing in self._listings:
                    group.create_task(self._run(listing, deliver, outcome, done))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        return outcome

    async def _run(
        self, listing: Listing, deliver: Deliver, outcome: Outcome, done: Mapping[str, asyncio.Event]
    ) -> None:
        parent = listing.parent
        if parent is not None:
            await done[parent].wait()
        if parent in outcome.failed:
            outcome.failed[listing.name] = outcome.failed[parent]
        elif parent in outcome.absent:
            outcome.absent.add(listing.name)
        else:
            await self._guarded(listing, deliver, outcome)
        done[listing.name].set()

    async def _guarded(self, listing: Listing, deliver: Deliver, outcome: Outcome) -> None:
        try:
            await self._listing(listing, deliver)
        except (Refused, TooLarge) as error:
            status = error.status if isinstance(error, Refused) else None
            if listing.optional and status in (400, 404, 501) and listing.name not in self._begun:
                outcome.absent.add(listing.name)
            else:
                outcome.failed[listing.name] = error

    async def _listing(self, listing: Listing, deliver: Deliver) -> None:
        kept = self._kept[listing.name] = []
        slim = self._slim(listing)
        tables = [table for table in self._tables if listing.name in table.listings]
        async for items in self._pages(listing):
            self._begun.add(listing.name)
            chosen = self._chosen(listing, items)
            for table in tables:
                deliver(table, table.rows(chosen, self._ingested_at))
            self._note_ids(listing, chosen)
            if slim:
                kept += _slimmed(chosen, slim, listing.name)

    def _chosen(self, listing: Listing, items: list[Item]) -> list[Item]:
        if listing.name == "databases":
            return [item for item in items if self._wanted(item)]
        if listing.name == "attributes":
            self._seen.update(str(item["WebId"]) for item in items)
        if listing.name == "nested_attributes":  # lists those at the top again
            return [item for item in items if item["WebId"] not in self._seen]
        return items

    def _note_ids(self, listing: Listing, items: Iterable[Item]) -> None:
        """Keep the ids that grouped listings ask for, and nothing else of their objects."""
        for each in self._listings:
            if each.grouped and listing.name in (each.parent, each.also):
                ids = (str(item["WebId"]) for item in items if not item.get(each.without))
                self._ids[each.name].update(dict.fromkeys(ids))

    def _slim(self, listing: Listing) -> set[str]:
        """What later readings need of the listing's objects."""
        children = (c for c in self._listings if c.parent == listing.name and not c.grouped)
        needs = {name for child in children for name in child.needs()}
        above = (pair for table in self._tables for pair in table.above())
        return needs | {path for name, path in above if name == listing.name}

    def _selected(self, listing: Listing) -> str:
        names = self._slim(listing)
        for each in self._listings:
            if each.grouped and listing.name in (each.parent, each.also):
                names |= each.needs()
        for table in self._tables:
            if listing.name in table.listings:
                names |= table.selected()
        if listing.name == "databases":
            names |= {"Name", "Path"}
        if listing.name in ("attributes", "nested_attributes"):
            names.add("WebId")
        return ";".join(sorted(names if listing.whole else (f"Items.{name}" for name in names)))

    # -- requests ----------------------------------------------------------------------------------

    async def _pages(self, listing: Listing) -> AsyncIterator[list[Item]]:
        if listing.grouped:
            async for values in self._grouped(listing):
                yield values
            return
        parents = self._parents(listing)
        if len(parents) == 1 or listing.paged:
            for path, above in parents.items():
                async for items in self._paged(path, listing):
                    yield [{**item, **above} for item in items]
            return
        paths = list(parents)
        chunks = [paths[at : at + _PER_BATCH] for at in range(0, len(paths), _PER_BATCH)]
        for at in range(0, len(chunks), _BATCHES_AT_ONCE):
            tasks = (self._batch(listing, chunk) for chunk in chunks[at : at + _BATCHES_AT_ONCE])
            for answers in await asyncio.gather(*tasks):
                yield [{**item, **parents[path]} for path, items in answers.items() for item in items]

    async def _grouped(self, listing: Listing) -> AsyncIterator[list[Item]]:
        """What a route that takes many ids says about each."""
        ids = list(self._ids.pop(listing.name))
        groups = [ids[at : at + _IDS_PER_REQUEST] for at in range(0, len(ids), _IDS_PER_REQUEST)]
        params = self._params(listing)
        paths = [f"{listing.path}?{urlencode([*(('webId', i) for i in g), *params])}" for g in groups]
        chunks = [paths[at : at + _REQUESTS_OF_IDS] for at in range(0, len(paths), _REQUESTS_OF_IDS)]
        for at in range(0, len(chunks), _BATCHES_AT_ONCE):
            tasks = (self._batch(listing, chunk) for chunk in chunks[at : at + _BATCHES_AT_ONCE])
            for answers in await asyncio.gather(*tasks):
                yield [item for items in answers.values() for item in items]

    def _parents(self, listing: Listing) -> dict[str, dict[str, Any]]:
        """The paths to ask, each with what is known of the objects above it."""
        if listing.parent is None:
            return {listing.path: {}}
        found: dict[str, dict[str, Any]] = {}
        for item in self._kept[listing.parent]:
            path = _filled(listing, item)
            if path is not None:
                above = {name: value for name, value in item.items() if name.startswith("@")}
                found.setdefault(path, {**above, f"@{listing.parent}": item})
        return found

    def _params(self, listing: Listing) -> list[tuple[str, str]]:
        fields = ("selectedFields", self._selected(listing))
        return [*listing.params, fields, ("webIdType", "IDOnly")]

    async def _paged(
        self, path: str, listing: Listing, *, page: int = _PAGE
    ) -> AsyncIterator[list[dict[str, Any]]]:
        params = self._params(listing)
        if listing.whole:
            yield [await self._client.get(path, params)]
            return
        if listing.paged:
            params.append(("maxCount", str(page)))
        try:
            async for answer in self._client.pages(path, params):
                yield answer.get("Items") or []
        except TooLarge as error:  # comes with the first page: a server that allows smaller ones only
            if error.limit is None or not 0 < error.limit < page:
                raise
            async for items in self._paged(path, listing, page=error.limit):
                yield items

    async def _batch(self, listing: Listing, paths: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """The objects below each path. One that is gone meanwhile has none; what failed for another
        reason is asked for alone, which retries or raises.
        """
        query = "" if listing.grouped else "?" + urlencode(self._params(listing), quote_via=quote)
        requests = {str(n): {"Method": "GET", "Resource": f"{path}{query}"} for n, path in enumerate(paths)}
        async with self._turns:
            answers = await self._client.batch(requests)
        failures = failed_children(answers)
        found: dict[str, list[dict[str, Any]]] = {}
        for number, path in enumerate(paths):
            error = failures.get(str(number))
            if error is None:
                found[path] = [i async for i in self._followed(listing, answers[str(number)]["Content"])]
            elif listing.grouped:
                raise error
            elif isinstance(error, Refused) and error.status in _GONE:
                found[path] = []
            else:
                found[path] = [item async for items in self._paged(path, listing) for item in items]
        return found

    async def _followed(self, listing: Listing, content: Any) -> AsyncIterator[dict[str, Any]]:
        """The objects of a child's answer, and those of its further pages."""
        if listing.whole:
            yield content
            return
        for item in content.get("Items") or []:
            yield item
        link = (content.get("Links") or {}).get("Next")
        if link:
            async for item in self._client.items(link):
                yield item


def _filled(listing: Listing, item: Item) -> str | None:
    """The path of a listing below an object; None when it has nothing there."""
    ids = {source: look(item, source) for source in _SOURCE.findall(listing.path)}
    if not all(ids.values()) or (listing.only and not look(item, listing.only)):
        return None
    return _SOURCE.sub(lambda match: quote(str(ids[match[1]]), safe=""), listing.path)


def _slimmed(items: Iterable[Item], names: set[str], listing: str) -> list[Item]:
    kept: list[Item] = []
    for item in items:
        made: dict[str, Any] = {name: value for name, value in item.items() if name.startswith("@")}
        for name in names:
            _put(made, name.split("."), look(item, name))
        kept.append(made)
    if listing == "attributes":  # only which elements have nested ones matters: keep one of each
        return list({look(i, "Links.Element"): i for i in kept if i.get("HasChildren")}.values())
    return kept


def _put(item: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        item = item.setdefault(name, {})
    item[path[-1]] = value
