"""Where a value came from: the flag, the environment variable, the line of a file, a default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Layer(IntEnum):
    """Sources in rising order of precedence."""

    DEFAULT = 0
    FILE = 1  # or the dict that stands in for it
    ENVIRONMENT = 2
    FLAG = 3


@dataclass(frozen=True, slots=True)
class Origin:
    """``text`` is for people: ``--since``, ``PI_LAKEFLOW_SINCE``, ``pi-lakeflow.yaml line 7``."""

    layer: Layer
    text: str

    def __str__(self) -> str:
        return self.text


DEFAULT = Origin(Layer.DEFAULT, "default")
