"""What an alarm is: which event frames count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any

from pi_lakeflow.historians.pi.decode.frames import severity_rank


@dataclass(frozen=True, slots=True)
class AlarmCriteria:
    """An event frame is an alarm when it fits each of the lists that is not empty, and is severe enough.

    Without any list: when people can acknowledge it, or when its severity is Information or higher.
    Templates and categories are names, ``names`` are masks with ``*`` and ``?``; case does not matter.
    """

    templates: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    min_severity: str = "none"

    def is_alarm(self, frame: Mapping[str, Any]) -> bool:
        """Judge a row of ``pi_event_frames``."""
        severity = frame["severity"] or 0
        if severity < (severity_rank(self.min_severity) or 0):
            return False
        if not (self.templates or self.categories or self.names):
            return bool(frame["can_be_acknowledged"]) or severity >= _INFORMATION
        categories = {name.casefold() for name in (frame["category_names"] or "").split("; ")}
        return (
            (not self.templates or _folded(frame["template_name"]) in _all_folded(self.templates))
            and (not self.categories or not categories.isdisjoint(_all_folded(self.categories)))
            and (not self.names or any(_mask(mask).match(frame["name"]) for mask in self.names))
        )


_INFORMATION = severity_rank("Information") or 0


def _folded(text: str | None) -> str:
    return (text or "").casefold()


def _all_folded(texts: tuple[str, ...]) -> set[str]:
    return {text.casefold() for text in texts}


@lru_cache(maxsize=256)
def _mask(text: str) -> re.Pattern[str]:
    return re.compile(translate(text.replace("[", "[[]")), re.IGNORECASE)
