"""What a WebId in ``/streams`` stands for: a PI point, or whatever an extension registers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from pi_lakeflow.simulator.faults import TagFault
from pi_lakeflow.simulator.world import UnknownTag, webid
from pi_lakeflow.simulator.world.events import Events
from pi_lakeflow.simulator.world.tags import TagDef
from pi_lakeflow.simulator.world.truth import state_name
from pi_lakeflow.simulator.world.world import World

from . import errors
from .errors import ApiError

if TYPE_CHECKING:
    from .call import Call


class Stream(Protocol):
    """Time series behind a WebId. ``tag`` is the point whose archive it is, if any; ``units`` is
    what its values carry (``""`` for points); ``source`` the path of its own resource.
    """

    name: str
    path: str
    units: str
    tag: TagDef | None

    @property
    def step(self) -> bool: ...

    @property
    def numeric(self) -> bool: ...

    @property
    def future(self) -> bool: ...

    @property
    def default_range(self) -> tuple[int, int] | None:
        """Start and end in ticks when the client names none (event frames); None: the last day."""

    def web_id(self, web_id_type: str) -> str: ...

    def source(self, web_id: str) -> str: ...

    def state_name(self, code: int) -> str: ...

    def check_units(self, desired: str) -> None:
        """Refuse ``desiredUnits`` that the values cannot have; ``""`` is always fine."""

    def walk(self, first: int, last: int, *, reverse: bool = False) -> Iterator[Events]: ...

    def before(self, moment: int) -> Events: ...

    def after(self, moment: int) -> Events: ...


class PointStream:
    """A PI point."""

    units = ""
    default_range: tuple[int, int] | None = None

    def __init__(self, world: World, tag: TagDef) -> None:
        self._world = world
        self.tag: TagDef | None = tag
        self._tag = tag
        self.name = tag.name
        self.path = tag.path

    @property
    def step(self) -> bool:
        return self._tag.step

    @property
    def numeric(self) -> bool:
        return self._tag.numeric

    @property
    def future(self) -> bool:
        return self._tag.future

    def web_id(self, web_id_type: str) -> str:
        return self._world.webid(self._tag, web_id_type)

    def source(self, web_id: str) -> str:
        return f"/points/{quote(web_id)}"

    def state_name(self, code: int) -> str:
        return state_name(self._tag, code, self._world.sets)

    def check_units(self, desired: str) -> None:
        if desired:
            raise ApiError(409, "The desired units are not supported by a PI Point.", generic=True)

    def walk(self, first: int, last: int, *, reverse: bool = False) -> Iterator[Events]:
        return self._world.archive.walk(self._tag, first, last, reverse=reverse)

    def before(self, moment: int) -> Events:
        return self._world.archive.before(self._tag, moment)

    def after(self, moment: int) -> Events:
        return self._world.archive.after(self._tag, moment)


# Marker of a WebId (``AbF``, or only its two letters) -> what makes its stream. Extensions add theirs.
Resolver = Callable[["Call", webid.WebId], Stream]
SetResolver = Callable[["Call", webid.WebId], list[Stream]]
RESOLVERS: dict[str, Resolver] = {}
# The same for ``/streamsets/{webId}/...``: all streams of an element or event frame, after the
# filters of the query.
SET_RESOLVERS: dict[str, SetResolver] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream of a call, and why it fails although its id is good (None: it does not)."""

    stream: Stream
    failure: ApiError | None = None


def entry_of(call: Call, text: str) -> Entry:
    """The stream of a WebId; an :class:`~.errors.ApiError` when the id itself is the trouble."""
    item = call.parse_webid(text)
    resolver = RESOLVERS.get(item.marker) or RESOLVERS.get(item.kind)
    if resolver is None:
        raise unsupported()
    stream = resolver(call, item)
    if stream.tag is not None:
        try:
            call.sim.faults.check_tag(stream.tag, call.path)
        except TagFault as fault:
            if fault.whole_call:
                raise
            return Entry(stream, fault)
        if stream.tag.kind == "blob":
            return Entry(stream, ApiError(501, "The value type is not supported.", generic=True))
    return Entry(stream)


def stream_of(call: Call, text: str) -> Stream:
    """The stream of a WebId, or an :class:`~.errors.ApiError` when it fails for whatever reason."""
    entry = entry_of(call, text)
    if entry.failure is not None:
        raise entry.failure
    return entry.stream


def unsupported() -> ApiError:
    """The object has no values, or not such ones."""
    return ApiError(409, "The operation is not supported by the specified object.", generic=True)


def streams_of_set(call: Call, text: str) -> list[Stream]:
    """The streams of an element, event frame or attribute, or an :class:`~.errors.ApiError`."""
    item = call.parse_webid(text)
    resolver = SET_RESOLVERS.get(item.marker) or SET_RESOLVERS.get(item.kind)
    if resolver is None:
        raise unsupported()
    return resolver(call, item)


def _point(call: Call, item: webid.WebId) -> Stream:
    try:
        tag = call.sim.world.by_webid(item)
    except UnknownTag:
        raise errors.not_found() from None
    return PointStream(call.sim.world, tag)


RESOLVERS[webid.POINT] = _point
