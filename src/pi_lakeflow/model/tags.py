"""What the engine knows about a tag."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tag:
    """One PI point (or AF attribute) whose events are read.

    ``webid`` is opaque and of type IDOnly: it survives a rename. ``point_type`` is PI's own
    (Float64, Digital, String, ...), ``units`` its engineering units or None.
    """

    webid: str
    name: str
    path: str = ""
    point_type: str = ""
    units: str | None = None
    descriptor: str = ""
    future: bool = False
