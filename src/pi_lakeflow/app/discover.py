"""Which tags a selection stands for."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from pi_lakeflow.app.source import open_source
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.events import Observer, ignore
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.settings import Selection, Settings


async def discover(
    settings: Settings, selection: Selection | None = None, observer: Observer = ignore
) -> AsyncGenerator[Tag, None]:
    """Tags in the server's order, each once, asked for no further than the caller reads.

    Raises ``SettingsError`` when nothing is chosen, ``Refused`` for a single name that is unknown.
    """
    chosen = selection or settings.tags
    if not chosen:
        raise SettingsError(
            "no tags are chosen", subject="tags", hint="pass a mask such as 'SINUS*', or --tag"
        )
    seen: set[str] = set()
    async with open_source(settings, observer) as source:
        async for tag in source.catalog.walk(chosen):
            if tag.webid not in seen:
                seen.add(tag.webid)
                yield tag
