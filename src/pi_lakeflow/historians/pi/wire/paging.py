"""Reading a paged list to its end: follow ``Links.Next``, else count, and notice loops.

``startIndex`` defaults to 0 and ``maxCount`` to 1000 on the server (PI Web API reference, topic
Paging). Lists that fit one page carry no ``Next``; some routes send no links at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pi_lakeflow.errors import SourceUnavailable, TooLarge

DEFAULT_PAGE = 1000
Pair = tuple[str, Any]


@dataclass(slots=True)
class Pager:
    """Says what to ask next. ``params`` are those of the first request."""

    path: str
    params: list[Pair]
    subject: str = ""
    _start: int = 0
    _page: int = DEFAULT_PAGE
    _seen_links: set[str] = field(default_factory=set)
    _last: int | None = None

    def __post_init__(self) -> None:
        self.subject = self.subject or f"GET {self.path}"
        self._start = int(self._param("startIndex", 0))
        self._page = int(self._param("maxCount", DEFAULT_PAGE))
        self.params = [
            (key, _with_next(value) if key.lower() == "selectedfields" else value)
            for key, value in self.params
        ]

    def first(self) -> tuple[str, list[Pair]]:
        """Path and parameters of the first request."""
        return self.path, self.params

    def after(self, page: Mapping[str, Any]) -> tuple[str, list[Pair]] | None:
        """Path and parameters of the request after ``page``; None at the end.

        Raises ``SourceUnavailable`` when the server leads in a circle, and ``TooLarge`` when a
        full page cannot be continued: what follows it would be lost silently.
        """
        items = page.get("Items") or []
        links = page.get("Links") or {}
        repeated = self._is_repeated(items)
        self._start += len(items)
        if link := links.get("Next"):
            if repeated or link in self._seen_links:
                raise SourceUnavailable("the list's pages lead in a circle", subject=self.subject)
            self._seen_links.add(link)
            return link, []
        if repeated:
            raise TooLarge(
                f"the list holds {len(items)} items or more, and the server does not continue it",
                subject=self.subject,
                hint="ask with a larger maxCount or a filter",
            )
        if len(items) < self._page or "Last" in links:
            return None
        rest = [pair for pair in self.params if pair[0].lower() != "startindex"]
        return self.path, [*rest, ("startIndex", self._start)]

    def _is_repeated(self, items: list[Any]) -> bool:
        """Whether the page is the one before it again (a route that ignores startIndex)."""
        mark = hash(msgspec.json.encode(items)) if items else None
        repeated = mark is not None and mark == self._last
        self._last = mark
        return repeated

    def _param(self, name: str, default: int) -> Any:
        return next((value for key, value in self.params if key.lower() == name.lower()), default)


def _with_next(selected: Any) -> Any:
    """``selectedFields`` prunes the links too, and a pager needs one of them."""
    fields = [part.strip().lower() for part in str(selected).split(";")]
    return selected if {"links", "links.next"} & set(fields) else f"{selected};Links.Next"
