"""The settings as options of the Spark data source: texts, secrets as expressions of the pipeline's code."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings import Secret, Settings
from pi_lakeflow.settings.explain import show
from pi_lakeflow.settings.origins import DEFAULT, Layer

# What Databricks decides itself, or what belongs to one machine.
_ELSEWHERE = (
    "tags",
    "catalog",
    "schema",
    "lake.",
    "until",
    "enable_streaming",
    "extract_alarms",
    "streaming.",
)
_FILES = ("tls.ca_bundle", "tls.client_cert", "tls.client_key")


def option_lines(settings: Settings, scope: str, share: int = 1) -> list[tuple[str, str]]:
    """Each given key with a Python expression for its value, such as ``dbutils.secrets.get(...)``.

    ``share`` pipelines run side by side against one server and share its budget of requests.

    Raises ``SettingsError`` for a value that cannot travel: a password in clear, a file of this machine.
    """
    lines = []
    for key in _given(settings):
        value = settings.value(key)
        if key in _FILES and not str(value).startswith(("/Volumes/", "/Workspace/")):
            raise SettingsError(
                f"{value} is a file of this machine",
                subject=key,
                hint="put it into a volume and write its path, /Volumes/...",
            )
        lines.append((key, _secret(key, value, scope) if isinstance(value, Secret) else _text(settings, key)))
    return lines + _budget(settings, share)


def secret_names(settings: Settings, scope: str) -> list[str]:
    """The keys that the scope must hold before the first run."""
    values = [settings.value(key) for key in _given(settings)]
    places = [_place(value, scope) for value in values if isinstance(value, Secret) and not value.is_plain]
    return sorted(name for held, name in places if held == scope)


def _given(settings: Settings) -> Iterator[str]:
    for key, origin in settings.origins.items():
        if origin is not DEFAULT and origin.layer is not Layer.DEFAULT and not key.startswith(_ELSEWHERE):
            yield key


def _budget(settings: Settings, share: int) -> list[tuple[str, str]]:
    performance = settings.performance
    lines = [("performance.max_workers", f'"{max(1, performance.max_workers // share)}"')]
    if performance.rate_limit:
        lines.append(("performance.rate_limit", f'"{performance.rate_limit / share:g}"'))
    return lines


def _text(settings: Settings, key: str) -> str:
    return json.dumps(show(settings, key), ensure_ascii=False)


def _secret(key: str, secret: Secret, scope: str) -> str:
    if secret.is_plain:
        raise SettingsError(
            "a secret in clear does not go into files",
            subject=key,
            hint=f"write env:NAME or databricks:{scope}/NAME instead",
        )
    held, name = _place(secret, scope)
    return f"dbutils.secrets.get(scope={json.dumps(held)}, key={json.dumps(name)})"


def _place(secret: Secret, scope: str) -> tuple[str, str]:
    """Scope and key: those of the reference, else ours and a name made of the variable's or the file's."""
    kind, _, text = str(secret).partition(":")
    if kind == "databricks":
        held, _, name = text.partition("/")
        return held, name
    return scope, text.rpartition("/")[2].lower()
