"""Secrets by reference: ``env:NAME``, ``file:PATH``, ``databricks:SCOPE/KEY``, or plain text.

    Secret.of("env:PI_PASSWORD").reveal()

A reference is read when it is needed, not when the settings are loaded, so the settings can
be shown, compared and sent to another process without anybody knowing the secret.
"""

from __future__ import annotations

import base64
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pi_lakeflow.errors import SettingsError

HIDDEN = "***"


class Secret:
    """A text that nobody should see. ``str`` and ``repr`` show the reference, or stars.

    ``origin`` is the configuration key it belongs to, for messages. A pickled plain-text secret
    is scrambled so that a logged pickle does not show it; that is no encryption.
    """

    __slots__ = ("_kind", "_text", "origin")

    def __init__(self, kind: str, text: str, *, origin: str = "secret") -> None:
        self._kind = kind
        self._text = text
        self.origin = origin

    @classmethod
    def of(cls, text: str, *, origin: str = "secret", base: Path | None = None) -> Secret:
        """Read ``text`` as a reference if it has the form of one, else as the secret itself.

        Relative paths of ``file:`` count from ``base``. Raises ``SettingsError`` for
        a reference that is incomplete.
        """
        kind, colon, rest = text.partition(":")
        if not colon or kind not in _READERS:
            return cls("plain", text, origin=origin)
        if not rest or (kind == "databricks" and not all(rest.partition("/"))):
            raise SettingsError(f"{text!r} is incomplete", subject=origin, hint=_FORMS)
        if kind == "file":
            rest = str((base or Path()) / Path(rest).expanduser())
        return cls(kind, rest, origin=origin)

    @property
    def is_plain(self) -> bool:
        """The secret itself was written down, not a reference to it."""
        return self._kind == "plain"

    def reveal(self) -> str:
        """The secret. Raises ``SettingsError`` when what it refers to cannot be read."""
        if self.is_plain:
            return self._text
        return _READERS[self._kind](self._text, self.origin)

    def __str__(self) -> str:
        return HIDDEN if self.is_plain else f"{self._kind}:{self._text}"

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._kind, self._text) == (other._kind, other._text)

    def __hash__(self) -> int:
        return hash((self._kind, self._text))

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (self._kind, base64.b85encode(self._text.encode()), self.origin)


def _unpickle(kind: str, scrambled: bytes, origin: str) -> Secret:
    return Secret(kind, base64.b85decode(scrambled).decode(), origin=origin)


def _from_environment(name: str, origin: str) -> str:
    found = os.environ.get(name)
    if not found:
        raise SettingsError(
            f"the environment variable {name} is not set", subject=origin, hint=f"export {name}=..."
        )
    return found


def _from_file(path: str, origin: str) -> str:
    try:
        found = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"cannot read the secret file {path}: {error}",
            subject=origin,
            hint=f"check that {path} is readable",
        ) from error
    if not found:
        raise SettingsError(f"the secret file {path} is empty", subject=origin)
    return found


def _from_databricks(place: str, origin: str) -> str:
    scope, _, name = place.partition("/")
    utils = _dbutils()
    if utils is None:
        raise SettingsError(
            f"databricks:{place} needs Databricks' dbutils, and there is none here",
            subject=origin,
            hint="outside Databricks use env:NAME or file:PATH",
        )
    try:
        return str(utils.secrets.get(scope=scope, key=name))
    except Exception as error:  # whatever the platform raises: the user gets one message
        raise SettingsError(
            f"Databricks does not give the secret {place}: {type(error).__name__}",
            subject=origin,
            hint=f"databricks secrets list-secrets {scope}",
        ) from error


def _dbutils() -> Any:
    """The notebook's own ``dbutils``, else the runtime's or that of a logged-in SDK, else None."""
    notebook = getattr(sys.modules.get("__main__"), "dbutils", None)
    if notebook is not None:
        return notebook
    try:
        return importlib.import_module("databricks.sdk.runtime").dbutils
    except (ImportError, AttributeError, ValueError):  # ValueError: nobody is logged in
        return None


_READERS: dict[str, Callable[[str, str], str]] = {
    "env": _from_environment,
    "file": _from_file,
    "databricks": _from_databricks,
}
_FORMS = "write env:NAME, file:PATH or databricks:SCOPE/KEY"
