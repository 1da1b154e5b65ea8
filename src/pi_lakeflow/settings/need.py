"""Keys that only some commands need: asked for where they are needed."""

from __future__ import annotations

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings.given import env_name, flag_name
from pi_lakeflow.settings.schema import Settings


def need(settings: Settings, *keys: str) -> None:
    """Raise ``SettingsError`` for the first of ``keys`` that has no value (or an empty selection)."""
    for key in keys:
        if not settings.value(key):
            raise missing(key, settings.searched)


def missing(key: str, searched: str) -> SettingsError:
    """The error for a key without value: every place looked in, in order."""
    flag = flag_name(key)
    places = [*([f"the flag {flag}"] if flag else []), f"the environment variable {env_name(key)}", searched]
    return SettingsError(
        "missing; looked in " + ", then ".join(places),
        subject=key,
        hint="pi-lakeflow init writes a configuration to start from",
    )
