"""Where a run's time went: the waits of many requests side by side, made into seconds of the run.

A lane's step waits for memory (or the sink that holds it), then reads; reading is divided as its
requests spent their time. What queues because as many requests as allowed are under way waits for
what those wait for: the server and the line, or the server's refusals when these keep the limit low.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from pi_lakeflow.model.clock import Clock, SystemClock
from pi_lakeflow.model.events import (
    BatchDecoded,
    Event,
    LimitChanged,
    RequestDone,
    RunPlanned,
    UnitRead,
    Waited,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSplit:
    """Seconds of a run by what they were spent on; what is left over is ``other``.

    ``throttling``: refusals (429, 503), broken connections, and the pauses after them; ``rate_limit``:
    our own limit of requests per second; ``decode``: inflating included; ``write``: seconds in which
    nothing could be read because rows were written.
    """

    planning: float = 0.0
    server: float = 0.0
    network: float = 0.0
    throttling: float = 0.0
    rate_limit: float = 0.0
    decode: float = 0.0
    memory: float = 0.0
    write: float = 0.0
    other: float = 0.0

    @property
    def total(self) -> float:
        return sum(self.shares_of().values())

    def shares_of(self) -> dict[str, float]:
        """Seconds by name, in this order."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    def share(self, name: str) -> float:
        """The part of the whole, 0 to 1."""
        total = self.total
        return float(getattr(self, name)) / total if total > 0 else 0.0


PARTS = tuple(part.name for part in fields(TimeSplit))


@dataclass(slots=True)
class _Requests:
    """Seconds of all requests together, however many ran side by side."""

    server: float = 0.0
    network: float = 0.0
    throttling: float = 0.0
    rate_limit: float = 0.0
    decode: float = 0.0
    queued: float = 0.0  # for one of the requests that may be under way
    refused: float = 0.0  # the same while refusals keep that number low

    def shares(self) -> dict[str, float]:
        """What reading was, in parts of one."""
        served = self.server + self.network
        queue = self.queued / served if served else 0.0
        parts = {
            "server": self.server * (1 + queue),
            "network": self.network * (1 + queue),
            "throttling": self.throttling + self.refused,
            "rate_limit": self.rate_limit,
            "decode": self.decode,
        }
        total = sum(parts.values())
        return {name: seconds / total for name, seconds in parts.items()} if total else {}


class Timekeeper:
    """An observer that knows at any moment where the time has gone so far."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._started = self._clock.monotonic()
        self._cpu = _cpu()
        self._planned: float | None = None
        self._last_read: float | None = None
        self._ended: float | None = None
        self._calls = _Requests()
        self._reading = self._memory = self._sink = 0.0
        self._in_flight = 0.0
        self._limit: tuple[float, float] | None = None  # since when, and how many
        self._limit_seconds = self._limited = 0.0
        self._refusals = False

    @property
    def seconds(self) -> float:
        """Length of the run so far."""
        return (self._clock.monotonic() if self._ended is None else self._ended) - self._started

    @property
    def cpu_seconds(self) -> float:
        """Processor time of this process and of those that it has started and that have ended."""
        return _cpu() - self._cpu

    @property
    def at_once(self) -> float:
        """Requests under way on average while the run read."""
        reading = self._read_seconds(self._clock.monotonic())
        return self._in_flight / reading if reading > 0 else 0.0

    @property
    def allowed(self) -> float | None:
        """Requests that the adaptive limit allowed on average; None when it never changed."""
        if self._limit is None:
            return None
        since, limit = self._limit
        last = self._clock.monotonic() - since
        seconds = self._limit_seconds + last
        return (self._limited + limit * last) / seconds if seconds > 0 else limit

    def finish(self) -> None:
        """The run is over: what came after the last step was read was writing."""
        self._ended = self._clock.monotonic()

    def split(self) -> TimeSplit:
        """The run so far."""
        if self._planned is None:
            return TimeSplit(planning=self.seconds)
        now = self._started + self.seconds
        reading = self._read_seconds(now)
        steps = self._reading + self._memory + self._sink
        scale = reading / steps if steps else 0.0
        requests = {name: self._reading * part * scale for name, part in self._calls.shares().items()}
        tail = now - self._planned - reading if self._last_read is not None else 0.0
        known = TimeSplit(
            planning=self._planned - self._started,
            memory=self._memory * scale,
            write=self._sink * scale + tail,
            **requests,
        )
        return TimeSplit(**{**known.shares_of(), "other": max(0.0, self.seconds - known.total)})

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunPlanned):
            self._planned = self._clock.monotonic()
            self._calls, self._in_flight = _Requests(), 0.0
        elif isinstance(event, RequestDone):
            self._request(event)
        elif isinstance(event, BatchDecoded):
            self._calls.decode += event.seconds + event.queued_seconds
        elif isinstance(event, UnitRead):
            self._reading += event.seconds
            self._last_read = self._clock.monotonic()
        elif isinstance(event, Waited):
            self._waited(event)
        elif isinstance(event, LimitChanged):
            self._limit_changed(event)

    def _read_seconds(self, now: float) -> float:
        if self._planned is None:
            return 0.0
        last = now if self._ended is None else self._last_read
        return 0.0 if last is None else last - self._planned

    def _request(self, event: RequestDone) -> None:
        self._in_flight += event.seconds
        if event.status < 400:  # the seconds of others come as ``failed``
            self._calls.server += event.first_byte_seconds
            self._calls.decode += event.inflate_seconds
            self._calls.network += event.seconds - event.first_byte_seconds - event.inflate_seconds

    def _waited(self, event: Waited) -> None:
        if event.reason == "limit":
            if self._refusals:
                self._calls.refused += event.seconds
            else:
                self._calls.queued += event.seconds
        elif event.reason == "rate":
            self._calls.rate_limit += event.seconds
        elif event.reason == "memory":
            self._memory += event.seconds
        elif event.reason == "sink":
            self._sink += event.seconds
        else:
            self._calls.throttling += event.seconds

    def _limit_changed(self, event: LimitChanged) -> None:
        now = self._clock.monotonic()
        if self._limit is not None:
            since, limit = self._limit
            self._limit_seconds += now - since
            self._limited += limit * (now - since)
        self._limit = now, event.limit
        self._refusals = event.reason == "loss"


def _cpu() -> float:
    return sum(os.times()[:4])
