"""What a route answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

JSON = "application/json; charset=utf-8"
_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class Reply:
    """Status, headers and body. ``chunks`` are sent one after the other; ``events`` is how many
    archived events they hold, which the capacity model and the statistics count.
    """

    status: int = 200
    chunks: Sequence[bytes] = ()
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    events: int = 0
    challenges: Sequence[str] = ()  # WWW-Authenticate, one header each
    route: str = ""  # the pattern that answered, kept for the statistics

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def size(self) -> int:
        return sum(map(len, self.chunks))


def json_reply(value: Any, *, status: int = 200, events: int = 0) -> Reply:
    """``value`` as compact JSON."""
    return Reply(status, (encode(value),), events=events)


def encode(value: Any) -> bytes:
    """Compact JSON."""
    return _encoder.encode(value)


def errors_reply(status: int, texts: Sequence[str]) -> Reply:
    """``{"Errors": [...]}``."""
    return json_reply({"Errors": list(texts)}, status=status)


def message_reply(status: int, message: str) -> Reply:
    """``{"Message": "..."}``."""
    return json_reply({"Message": message}, status=status)
