"""The error tree: each class is named by what the runner does next.

::

    PiLakeflowError
    ├── SettingsError       stop, exit 2: the user changes the command or the configuration
    │   ├── AuthRefused         the server refused the credentials
    │   └── TlsRefused          the certificate could not be verified
    ├── Unavailable         stop, exit 3: try again later
    │   ├── SourceUnavailable   the historian does not answer, or does not answer sense
    │   └── SinkUnavailable     the lake cannot be read or written
    ├── Retryable           try the same request again (the transport does; callers see SourceUnavailable)
    │   ├── Throttled           429 or 503: wait ``retry_after`` first
    │   └── Transient           time-outs, resets, cut bodies, 5xx
    ├── TooLarge            ask for less: the server named a limit, or the body passed our cap
    ├── Refused             quarantine the subject: 400, 403, 404, 409, 410, 501 or a value-level error
    └── Internal            exit 101: a bug of ours

Every error crosses process borders (Spark workers pickle them), keeps its attributes, and never
holds a credential.
"""

from __future__ import annotations

from typing import Any


class PiLakeflowError(Exception):
    """Base of all errors that this package raises on purpose.

    ``subject`` is what the message is about (a tag, a URL without its query, a config key);
    ``hint`` is what the user can type or change.
    """

    exit_code = 101

    def __init__(self, message: str, *, subject: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, dict(self.__dict__))

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}" if self.subject else self.message


def _rebuild(kind: type[PiLakeflowError], message: str, state: dict[str, Any]) -> PiLakeflowError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class SettingsError(PiLakeflowError):
    """The command line, environment or configuration must change first."""

    exit_code = 2


class AuthRefused(SettingsError):
    """The server answered 401, or the authentication exchange failed."""


class TlsRefused(SettingsError):
    """The server's certificate could not be verified."""


class Unavailable(PiLakeflowError):
    """Nothing is wrong with the request: try again later."""

    exit_code = 3


class SourceUnavailable(Unavailable):
    """The historian cannot be reached, or what answers is not a historian."""


class SinkUnavailable(Unavailable):
    """The lake cannot be read or written."""


class Retryable(PiLakeflowError):
    """The same request may succeed in a moment."""

    exit_code = 3


class Throttled(Retryable):
    """The server asks for fewer requests (429, 503). ``retry_after`` is in seconds, or None."""

    def __init__(
        self,
        message: str,
        *,
        subject: str | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.retry_after = retry_after


class Transient(Retryable):
    """A time-out, a reset, a cut or broken body, or a 5xx."""


class TooLarge(PiLakeflowError):
    """The answer or request is over a limit. ``limit`` is the number the server named, if any."""

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        subject: str | None = None,
        hint: str | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.limit = limit


class Refused(PiLakeflowError):
    """The server refuses this subject and would refuse it again. ``status`` is the HTTP status."""

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        subject: str | None = None,
        hint: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, subject=subject, hint=hint)
        self.status = status


class Internal(PiLakeflowError):
    """A state that cannot be: our bug."""
