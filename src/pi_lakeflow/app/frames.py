"""Messages between the processes of one run: pickled objects with their length in front.

Only processes of one user that started one another speak this way, over their own pipes.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

from pi_lakeflow.app.reading import Share
from pi_lakeflow.engines.embedded import Outcome
from pi_lakeflow.errors import Internal
from pi_lakeflow.flow.gate import Budget
from pi_lakeflow.model.events import Event
from pi_lakeflow.settings.schema import Settings

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Job:
    """The first message to a worker. ``settings`` hold its own part of the server's budget."""

    settings: Settings
    share: Share


@dataclass(frozen=True, slots=True)
class Drain:
    """To a worker: finish what is under way."""


@dataclass(frozen=True, slots=True)
class Allow:
    """To a worker: its part of the server's budget has changed."""

    budget: Budget


@dataclass(frozen=True, slots=True)
class Happened:
    """From a worker: its events since the last message."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The last message of a worker: what it did, or what stopped it."""

    outcome: Outcome | None
    error: Exception | None = None


def packed(message: object) -> bytes:
    """The message as it travels."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def sendable(error: Exception) -> Exception:
    """The error, or our bug with its text when it cannot be pickled."""
    try:
        pickle.dumps(error)
    except Exception:  # noqa: BLE001 (anything may happen in a foreign __reduce__)
        return Internal(f"{type(error).__name__}: {error}")
    return error


def receive(pipe: BinaryIO) -> Any:
    """The next message; raises ``EOFError`` when the other process has gone."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    body = pipe.read(length)
    if len(body) < length:
        raise EOFError
    return pickle.loads(body)  # noqa: S301 (our own process wrote it)


async def receive_async(pipe: asyncio.StreamReader) -> Any:
    """The same from an asyncio stream; raises ``EOFError``."""
    try:
        (length,) = _LENGTH.unpack(await pipe.readexactly(_LENGTH.size))
        body = await pipe.readexactly(length)
    except asyncio.IncompleteReadError as gone:
        raise EOFError from gone
    return pickle.loads(body)  # noqa: S301 (our own process wrote it)
