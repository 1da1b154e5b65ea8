"""Faults that can be switched on while the server runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from .http.errors import ApiError
from .world.hashing import scramble
from .world.tags import TagDef

Kind = Literal[
    "status",  # answer ``status`` instead, with ``retry_after`` and ``message`` when given
    "latency",  # wait ``seconds`` first
    "stall",  # never answer
    "reset",  # close the connection without a word
    "trickle",  # the body comes at ``rate`` bytes per second: a slow line
    "cut_body",  # Content-Length promises more than is sent
    "half_json",  # a complete answer with half of its JSON
    "html",  # a page of a proxy, with status 200
    "redirect",  # 302 to ``location``
    "web_exception",  # a WebException under 200
    "gzip_bomb",  # ``size`` bytes of blanks in a small gzip body
    "drop_child",  # a batch leaves this sub-request out of its answer
    "tag_status",  # the tags of ``tags`` fail with ``status`` and ``message``
    "value_errors",  # values of ``tags`` carry Errors and null, a share ``probability`` of them
    "no_annotated",  # an old server: TimedValues without Annotated
    "expire_tokens",  # bearer tokens given out so far are refused
    # of each message of a channel:
    "channel_drop",  # hang up before it, with a close frame, or without a word if ``message`` is "abort"
    "channel_stall",  # wait ``seconds`` before it
    "channel_reorder",  # send it after the next ones, each stream's newest value first
    "channel_duplicate",  # send it twice
]
BEFORE = ("latency", "stall", "reset", "redirect", "html", "gzip_bomb", "status")
AFTER = ("web_exception", "half_json", "trickle", "cut_body")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. It strikes requests whose path (below the base path) matches the mask ``route`` with
    ``probability``, and at most ``count`` times. ``tags`` are names or name masks.

    ``batch`` says whether it strikes whole requests (False) or sub-requests of a batch (True).
    """

    kind: Kind
    route: str = "*"
    probability: float = 1.0
    count: int | None = None
    batch: bool = False
    status: int = 503
    message: str | None = None
    retry_after: float | None = None
    seconds: float = 0.0
    rate: float = 100_000.0
    location: str = "http://127.0.0.1:9/"
    size: int = 200_000_000
    tags: tuple[str, ...] = ()
    # Whether a tag's failure inside a streamset fails the whole call; None = as its status does on
    # a real server: 400, 401, 403 and 404 do, others stay with the item
    whole_call: bool | None = None


_DEFAULT_TEXTS = {
    401: "Authorization has been denied for this request.",
    403: "Access denied.",
    404: "PI Point not found.",
    410: "PI Point not found '{path}'.",
    429: "Rate limit was reached",
    500: "An error occurred while processing the request.",
    501: "The value type is not supported.",
    503: "The service is unavailable.",
}
FATAL_FOR_SETS = frozenset({400, 401, 403, 404})


class TagFault(ApiError):
    """A tag that was made to fail. ``whole_call`` says what that does to a streamset."""

    def __init__(self, status: int, text: str, whole_call: bool) -> None:
        super().__init__(status, text)
        self.whole_call = whole_call


@dataclass(slots=True)
class _Armed:
    fault: Fault
    number: int
    rolls: int = 0
    struck: int = 0


@dataclass(slots=True)
class Faults:
    """The switchboard. The same seed and the same order of requests give the same faults."""

    seed: int = 1
    _armed: list[_Armed] = field(default_factory=list)
    _numbers: int = 0

    @classmethod
    def of(cls, faults: Iterable[Fault], seed: int) -> Faults:
        board = cls(seed)
        for fault in faults:
            board.add(fault)
        return board

    def add(self, fault: Fault) -> int:
        """Switch a fault on; the number switches it off again."""
        self._numbers += 1
        self._armed = [*self._armed, _Armed(fault, self._numbers)]
        return self._numbers

    def remove(self, number: int) -> None:
        """Switch one off."""
        self._armed = [a for a in self._armed if a.number != number]

    def clear(self) -> None:
        """Switch all off."""
        self._armed = []

    def struck(self, number: int) -> int:
        """How often a fault has struck, 0 when it is off."""
        return sum(a.struck for a in self._armed if a.number == number)

    def active(self) -> list[tuple[int, Fault, int]]:
        """Number, fault, how often it struck."""
        return [(a.number, a.fault, a.struck) for a in self._armed]

    def strike(self, path: str, kinds: Sequence[str], *, batch: bool = False) -> list[Fault]:
        """The faults of these kinds that this request meets, in the order of ``kinds``."""
        found = []
        for armed in self._armed:
            fault = armed.fault
            if (
                fault.kind in kinds
                and fault.batch == batch
                and _matches(fault.route, path)
                and self._roll(armed)
            ):
                found.append(fault)
        return sorted(found, key=lambda fault: kinds.index(fault.kind))

    def check_tag(self, tag: TagDef, path: str) -> None:
        """Raise :class:`TagFault` when the tag was made to fail for requests of this path."""
        for armed in self._armed:
            fault = armed.fault
            named = fault.kind == "tag_status" and _names(fault.tags, tag)
            if named and _matches(fault.route, path) and self._roll(armed):
                text = fault.message or _DEFAULT_TEXTS.get(fault.status, "An error occurred.")
                whole = fault.status in FATAL_FOR_SETS if fault.whole_call is None else fault.whole_call
                raise TagFault(fault.status, text.format(path=tag.path), whole)

    def value_errors(self, tag: TagDef) -> Fault | None:
        """The fault that spoils values of this tag, if one is on."""
        for armed in self._armed:
            if armed.fault.kind == "value_errors" and _names(armed.fault.tags, tag):
                armed.struck += 1
                return armed.fault
        return None

    @property
    def no_annotated(self) -> bool:
        return any(a.fault.kind == "no_annotated" for a in self._armed)

    def _roll(self, armed: _Armed) -> bool:
        fault = armed.fault
        if fault.count is not None and armed.struck >= fault.count:
            return False
        armed.rolls += 1
        dice = scramble(self.seed, armed.number, armed.rolls) / 2**64
        hit = dice < fault.probability
        armed.struck += hit
        return hit


def status_texts(fault: Fault) -> str:
    """The text of a ``status`` fault."""
    return fault.message or _DEFAULT_TEXTS.get(fault.status, "An error occurred.").format(path="")


@lru_cache(maxsize=512)
def _mask(text: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
    return re.compile("".join(parts), re.IGNORECASE)


def _matches(mask: str, path: str) -> bool:
    return mask == "*" or _mask(mask).fullmatch(path) is not None


def _names(masks: Sequence[str], tag: TagDef) -> bool:
    return any(_matches(mask, tag.name) for mask in masks)
