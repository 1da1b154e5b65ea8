"""What older versions of PI Web API lack (its changelog; "What's new in PI Web API 2018").

Numbers of builds that are not public end in zeros.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

RELEASES = {
    "2017 R2": "1.10.0.0",
    "2018": "1.11.0.0",
    "2018 SP1": "1.11.1.5383",
    "2019": "1.12.0.0",
    "2021 SP3": "1.16.0.0",
    "2023": "1.18.0.0",
    "2023 SP1": "1.19.1.28",
}
Version = tuple[int, int]
_2018: Version = (1, 11)
# Routes and when they came. The first pattern that fits counts.
_ROUTES: tuple[tuple[re.Pattern[str], Version], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), since)
    for pattern, since in (
        (r"/points/search", (1, 16)),
        (r"/notification.*", _2018),
        (r"/.*/notification\w+", _2018),
        (r"/stream(s|sets)/(.*/)?updates(/.*)?", _2018),
        (r"/elements/\{\w+\}/paths", _2018),
        (r"/elementtemplates/\{\w+\}/(base|derived)elementtemplates", _2018),
        (r"/eventframes/\{\w+\}/annotations/\{\w+\}/attachment/.*", _2018),
    )
)
# Properties and links that came with 2018
_PROPERTIES = frozenset(
    (
        *("Span", "Zero", "DisplayDigits", "DefaultUnitsNameAbbreviation", "ServerTime", "Annotated"),
        *("NotificationRules", "NotificationRuleTemplates", "NotificationContactTemplates"),
        *("NotificationPlugIns", "BaseTemplates", "DerivedTemplates"),
    )
)


def number_of(version: str) -> str:
    """The number of a release (``2018 SP1``, in any case and spacing), or the number that was given.

    Raises :class:`ValueError` for other texts.
    """
    folded = re.sub(r"[\s_-]", "", version).casefold()
    for name, number in RELEASES.items():
        if folded == name.replace(" ", "").casefold():
            return number
    if re.fullmatch(r"\d+\.\d+(\.\d+)*", version):
        return version
    raise ValueError(f"unknown version {version!r}: one of {', '.join(RELEASES)}, or a number such as 1.11.1")


def title_of(number: str) -> str:
    """``PI Web API 2018 SP1``: the release that a number belongs to."""
    wanted = _parts(number)
    names = [name for name, known in RELEASES.items() if _parts(known) <= wanted]
    return f"PI Web API {names[-1]}" if names else "PI Web API"


@cache
def introduced(pattern: str) -> Version:
    """When a route came; ``(0, 0)`` when it was always there."""
    return next((since for known, since in _ROUTES if known.fullmatch(pattern)), (0, 0))


def without_newer(value: Any, number: str) -> Any:
    """A decoded answer without the properties that the version does not know yet."""
    return value if _parts(number)[:2] >= _2018 else _strip(value)


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _strip(inner) for name, inner in value.items() if name not in _PROPERTIES}
    return [_strip(inner) for inner in value] if isinstance(value, list) else value


def _parts(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split("."))[:3]
