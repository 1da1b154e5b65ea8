"""Live values on their way into the lake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Message:
    """What came on the channel of ``lane``, ``at`` microseconds since 1970 UTC."""

    lane: str
    body: bytes
    at: int


@dataclass(frozen=True, slots=True)
class LiveRows:
    """Rows of the live table, and for each the place of its message in the list that was read.

    ``event_index`` is not final: it counts within the message only. ``broken`` says which message
    (by place) could not be read in whole, and why.
    """

    rows: pa.Table
    message_of: npt.NDArray[np.int64]
    broken: tuple[tuple[int, str], ...] = ()


class MessageReader(Protocol):
    """Makes rows of messages; called in a thread."""

    def read(self, messages: Sequence[Message]) -> LiveRows: ...
