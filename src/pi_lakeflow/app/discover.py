"""Which tags a selection stands for."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from pi_lakeflow.app.source import open_source
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.settings import Selection, Settings


async def discover(settings: Settings, selection: Selection | None = None) -> AsyncGenerator[Tag, None]:
    """Tags in the server's order. Raises ``SettingsError`` when a single name is unknown."""
    chosen = selection or settings.tags
    if not chosen:
        raise SettingsError("no tags are chosen", subject="tags", hint="pass --tag 'SINUS*', or set `tags`")
    async with open_source(settings) as source:
        async for tag in source.catalog.walk(chosen):
            yield tag
