"""No exception of the HTTP library passes our border."""

from __future__ import annotations

import ssl
from itertools import combinations

import aiohttp
import pytest
from aiohttp import client_exceptions

from pi_lakeflow.errors import PiLakeflowError
from pi_lakeflow.historians.pi.wire.translate import TRANSLATIONS, translate, translated

ALL = sorted(
    {
        kind
        for module in (aiohttp, client_exceptions)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, aiohttp.ClientError)
    },
    key=lambda kind: kind.__name__,
)


def made(kind: type[Exception]) -> Exception:
    """An instance without its constructor, which differs from class to class."""
    error = kind.__new__(kind)
    error.status = 502  # type: ignore[attr-defined]
    error.message = "https://user:word@host/?secret"  # type: ignore[attr-defined]
    if issubclass(kind, aiohttp.ClientConnectorCertificateError):
        error._certificate_error = ssl.SSLCertVerificationError()  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_each_client_exception_is_named_and_translated(kind: type[Exception]) -> None:
    assert kind in TRANSLATIONS, "a new version has a new exception: decide what it means"
    error = made(kind)
    ours = translate(error, "GET /x")
    assert isinstance(ours, PiLakeflowError)
    assert ours.subject == "GET /x"
    assert "secret" not in str(ours)
    with pytest.raises(type(ours)) as caught, translated("GET /x"):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("kind", [OSError, ConnectionResetError, TimeoutError, ssl.SSLError])
def test_errors_of_the_system_are_translated(kind: type[Exception]) -> None:
    with pytest.raises(PiLakeflowError), translated("x"):
        raise kind


def test_the_most_special_comes_first() -> None:
    """Else a general class would hide a special one that means something else."""
    for earlier, later in combinations(TRANSLATIONS, 2):
        assert not issubclass(later, earlier), (earlier, later)


def test_our_own_bugs_are_not_hidden() -> None:
    with pytest.raises(KeyError), translated("x"):
        raise KeyError("bug")
