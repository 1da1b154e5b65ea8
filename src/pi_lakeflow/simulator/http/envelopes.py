"""What stands around values: the objects of streams and streamsets, after ``selectedFields``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .call import Call
from .errors import ApiError, over_limit
from .fields import Tree, prune
from .reply import Reply, encode
from .streams import Entry, Stream, entry_of, streams_of_set
from .values import Text, ValueStyle

_NOTHING: Tree = {"\x00": {}}  # a selection that keeps nothing
Chunk = bytes | memoryview


def list_reply(call: Call, stream: Stream, text: Text, style: ValueStyle) -> Reply:
    """``{"Links":{},"Items":[...],"UnitsAbbreviation":""}`` of a single stream."""
    tree = call.fields
    parts: list[Chunk] = []
    if not tree or "links" in tree:
        parts.append(b'"Links":{},')
    if style.wanted:
        parts += [b'"Items":[', *text.chunks, b"],"]
    if not tree or "unitsabbreviation" in tree:
        parts.append(b'"UnitsAbbreviation":' + encode(stream.units) + b",")
    body = b"".join(parts)
    return Reply(chunks=(b"{", body[:-1], b"}"), events=text.count)


def entries_of(call: Call) -> list[Entry]:
    """The streams of a streamset call, in order. An id that cannot be resolved fails the whole call;
    other failures stay with their stream.
    """
    if "webId" in call.match:
        entries = [Entry(stream) for stream in streams_of_set(call, call.match["webId"])]
    else:
        call.required("webId")
        entries = [entry_of(call, text) for text in call.texts("webId")]
    if call.text("sortField").casefold() == "name":
        reverse = call.text("sortOrder").casefold() == "descending"
        entries.sort(key=lambda entry: entry.stream.name.casefold(), reverse=reverse)
    return entries


@dataclass(frozen=True, slots=True)
class Item:
    """One stream's member of a streamset's answer, as bytes, and the events that it shows."""

    chunks: Sequence[Chunk]
    count: int


def list_set(
    call: Call, entries: Iterable[Entry], style: ValueStyle, read: Callable[[Stream], Text]
) -> Reply:
    """A streamset whose members hold lists. ``read`` prints one stream's values."""
    items = [_list_item(call, entry, style, read) for entry in entries]
    total = sum(item.count for item in items)
    limits = call.sim.config.limits
    if limits.items_limit_on_sum and total > limits.max_returned_items:
        raise over_limit("maxCount", limits.max_returned_items)
    return _set_reply(call, items, total)


def _list_item(call: Call, entry: Entry, style: ValueStyle, read: Callable[[Stream], Text]) -> Item:
    head, tail = _around(call, entry.stream)
    text = Text((), 0)
    failure = entry.failure
    if failure is None:
        try:
            text = read(entry.stream)
        except ApiError as error:
            failure = error
    if failure is not None:
        tail = {**tail, "Errors": item_errors(call, failure, "Items")}
    parts: list[Chunk] = [b"{"]
    if head:
        parts += [encode(head)[1:-1], b","]
    if style.wanted:
        parts += [b'"Items":[', *text.chunks, b"],"]
    if tail:
        parts += [encode(tail)[1:-1], b","]
    return Item([*_without_comma(parts), b"}"], text.count)


def _without_comma(parts: list[Chunk]) -> list[Chunk]:
    return [*parts[:-1], parts[-1][:-1]] if len(parts) > 1 else parts


def value_set(call: Call, entries: Iterable[Entry], read: Callable[[Stream], Any], *, key: str) -> Reply:
    """A streamset whose members hold one thing under ``key``: a TimedValue, or summaries."""
    tree = _below(call, "items")
    items = []
    for entry in entries:
        head, _ = _around(call, entry.stream)
        item = {**head, **prune({key: _value_or_errors(call, entry, read, key)}, tree)}
        items.append(Item((encode(item),), 1))
    return _set_reply(call, items, len(items))


def _value_or_errors(call: Call, entry: Entry, read: Callable[[Stream], Any], key: str) -> Any:
    failure = entry.failure
    if failure is None:
        try:
            return read(entry.stream)
        except ApiError as error:
            failure = error
    value = failed_value(call, failure)
    return value if key == "Value" else [{"Type": "", "Value": value}]


def failed_value(call: Call, failure: ApiError) -> dict[str, Any]:
    """A TimedValue that could not be had."""
    return {
        "Timestamp": "1970-01-01T00:00:00Z",
        "Value": None,
        "UnitsAbbreviation": None,
        "Good": False,
        "Questionable": False,
        "Substituted": False,
        "Annotated": False,
        "Errors": item_errors(call, failure, "Value"),
    }


def item_errors(call: Call, failure: ApiError, field: str) -> list[dict[str, Any]]:
    """The ``Errors`` of a member."""
    return [{"FieldName": field, "Message": failure.bodies(debug=call.sim.config.debug_mode)}]


def _around(call: Call, stream: Stream) -> tuple[dict[str, Any], dict[str, Any]]:
    tree = _below(call, "items")
    web_id = stream.web_id(call.web_id_type)
    head = {
        "WebId": web_id,
        "Name": stream.name,
        "Path": stream.path,
        "Links": {"Source": call.link(stream.source(web_id))},
    }
    return prune(head, tree), prune({"UnitsAbbreviation": stream.units}, tree)


def _below(call: Call, name: str) -> Tree | None:
    return call.fields.get(name, _NOTHING) if call.fields else None


def _set_reply(call: Call, items: Sequence[Item], total: int) -> Reply:
    tree = call.fields
    parts: list[Chunk] = [b"{"]
    if not tree or "links" in tree:
        parts.append(b'"Links":{},')
    if not tree or "items" in tree:
        parts.append(b'"Items":[')
        for number, item in enumerate(items):
            parts += [b",", *item.chunks] if number else item.chunks
        parts.append(b"],")
    body = b"".join(_without_comma(parts))
    return Reply(chunks=(body, b"}"), events=total)
