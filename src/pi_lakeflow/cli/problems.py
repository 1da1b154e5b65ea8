"""Errors as people and programs read them: what and which, why, what to do. Never a secret."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from urllib.parse import unquote

from pi_lakeflow.errors import PiLakeflowError, SettingsError, Unavailable
from pi_lakeflow.settings import Secret, Settings

BUG = 101
_LEAST = 5  # characters: shorter secrets occur in ordinary words
_HIDDEN = "***"
_PASSWORD = re.compile(r"://[^/@:]*:([^/@]+)@")


@dataclass(frozen=True, slots=True)
class Problem:
    """``causes`` go from near to far; ``code`` is the exit code."""

    kind: str
    message: str
    causes: tuple[str, ...]
    hint: str
    code: int
    subject: str | None = None

    def fields(self) -> dict[str, object]:
        """For JSON."""
        return {
            "kind": self.kind,
            "message": self.message,
            "subject": self.subject,
            "causes": list(self.causes),
            "hint": self.hint,
        }


def problem_of(error: BaseException) -> Problem:
    """What is to be said about ``error``."""
    error = _innermost(error)
    first, *rest = _said(error)
    ours = error if isinstance(error, PiLakeflowError) else None
    return Problem(
        kind=type(error).__name__,
        message=first,
        causes=tuple(rest),
        hint=next(_hints(error), None) or _usual_hint(error),
        code=BUG if ours is None else ours.exit_code,
        subject=None if ours is None else ours.subject,
    )


def trace_of(error: BaseException) -> str:
    """The traceback, for --debug."""
    return "".join(traceback.format_exception(error))


def _innermost(error: BaseException) -> BaseException:
    """Task groups wrap what went wrong."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _said(error: BaseException) -> list[str]:
    """Each link of the chain once; a link that only repeats another says nothing."""
    texts: list[str] = []
    for link in _chain(error):
        words = str(link)
        text = words if isinstance(link, PiLakeflowError) else f"{type(link).__name__}: {words}".rstrip(": ")
        if not any(part and part in known for known in texts for part in (words, _message(link))):
            texts.append(text)
    return texts or [type(error).__name__]


def _message(error: BaseException) -> str:
    if isinstance(error, PiLakeflowError):
        return error.message
    if isinstance(error, OSError) and type(error).__module__ == "builtins":  # others name the host
        return error.strerror or ""
    return ""


def _hints(error: BaseException) -> Iterator[str]:
    return (link.hint for link in _chain(error) if isinstance(link, PiLakeflowError) and link.hint)


def _usual_hint(error: BaseException) -> str:
    if isinstance(error, SettingsError):
        return "pi-lakeflow config show tells every value and where it comes from"
    if isinstance(error, Unavailable):
        return "try again later; pi-lakeflow check tells which part does not answer"
    if isinstance(error, PiLakeflowError):
        return "pi-lakeflow check looks at each part in turn"
    return "this is a bug of pi-lakeflow: run again with --debug, and report what it prints"


class Censor:
    """Blots out known secrets, should a foreign error text ever carry one."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def learn(self, settings: Settings) -> None:
        """Remember the secrets of ``settings`` that can be read."""
        for secret in _secrets(settings):
            try:
                text = secret.reveal()
            except SettingsError:
                continue  # cannot be read, so cannot be told
            self._secrets.update(part for part in _parts(text) if len(part) >= _LEAST)

    def clean(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return text


def _secrets(item: object) -> Iterator[Secret]:
    """Wherever a setting holds one: a new key must not be forgotten here."""
    if isinstance(item, Secret):
        yield item
    elif isinstance(item, Mapping):
        yield from (found for each in item.values() for found in _secrets(each))
    elif is_dataclass(item):
        yield from (found for each in fields(item) for found in _secrets(getattr(item, each.name)))


def _parts(secret: str) -> Iterator[str]:
    """The secret, and the password in it where it is a URL."""
    yield secret
    if found := _PASSWORD.search(secret):
        yield from (found[1], unquote(found[1]))
