"""The attribute traits that AF knows (PI Web API reference, topic Attribute Traits)."""

from __future__ import annotations

from dataclasses import dataclass

CATEGORIES = ("Limit", "Forecast", "Location", "Health", "Analysis", "Other")


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait. ``root`` says whether attributes at the top may have it."""

    name: str
    abbreviation: str
    category: str
    root: bool = True
    children: bool = False
    inherits: bool = False  # type and unit of the attribute above
    numeric: bool = False
    string: bool = False
    since_2018: bool = False


TRAITS = (
    *(
        Trait(f"Limit{name}", name, "Limit", root=False, inherits=True, numeric=True)
        for name in ("Minimum", "LoLo", "Lo", "Target", "Hi", "HiHi", "Maximum")
    ),
    Trait("Forecast", "Forecast", "Forecast", root=False, inherits=True),
    *(
        Trait(f"Location{name}", name, "Location", numeric=True)
        for name in ("Latitude", "Longitude", "Altitude")
    ),
    Trait("HealthScore", "Score", "Health", children=True, numeric=True, since_2018=True),
    Trait("HealthStatus", "Status", "Health", root=False, since_2018=True),
    Trait("Reason", "Reason", "Other"),
    Trait("AnalysisStartTriggerName", "StartTriggerName", "Analysis", string=True),
    Trait("AnalysisStartTriggerExpression", "StartTriggerExpression", "Analysis", string=True),
)
