"""How errors are told: what and which, why, what to do; never a secret."""

from __future__ import annotations

import pytest

from pi_lakeflow.cli.problems import BUG, Censor, problem_of, trace_of
from pi_lakeflow.errors import (
    AuthRefused,
    Internal,
    PiLakeflowError,
    Refused,
    SettingsError,
    SinkUnavailable,
    SourceUnavailable,
    TooLarge,
    Transient,
)
from pi_lakeflow.settings import load


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_the_chain_is_told_from_near_to_far() -> None:
    far = caused(Transient("cannot connect", subject="GET /piwebapi"), OSError(111, "Connection refused"))
    problem = problem_of(caused(SourceUnavailable("gave up", subject="GET /piwebapi"), far))
    assert problem.message == "GET /piwebapi: gave up"
    assert problem.causes == (
        "GET /piwebapi: cannot connect",
        "ConnectionRefusedError: [Errno 111] Connection refused",
    )


def test_a_cause_that_only_repeats_is_left_out() -> None:
    problem = problem_of(caused(SourceUnavailable("gave up: cut body", subject="x"), Transient("cut body")))
    assert problem.causes == ()


def test_the_nearest_hint_wins() -> None:
    inner = Transient("no", hint="inner")
    assert problem_of(caused(SourceUnavailable("gave up"), inner)).hint == "inner"
    assert problem_of(caused(SourceUnavailable("gave up", hint="outer"), inner)).hint == "outer"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("x"), 2),
        (AuthRefused("x"), 2),
        (SourceUnavailable("x"), 3),
        (SinkUnavailable("x"), 3),
        (Refused("x"), 1),
        (TooLarge("x"), 2),
        (Internal("x"), BUG),
        (ZeroDivisionError("x"), BUG),
    ],
)
def test_every_error_has_a_code_and_a_hint(error: Exception, code: int) -> None:
    problem = problem_of(error)
    assert problem.code == code
    assert problem.hint


def test_a_bug_asks_for_the_traceback() -> None:
    problem = problem_of(KeyError("WebId"))
    assert problem.message == "KeyError: 'WebId'"
    assert "--debug" in problem.hint


def test_what_a_task_group_wraps_is_unwrapped() -> None:
    group = BaseExceptionGroup("tasks", [ExceptionGroup("inner", [Refused("no such tag", subject="T")])])
    assert problem_of(group).message == "T: no such tag"


def test_the_fields_are_for_programs() -> None:
    fields = problem_of(Refused("gone", subject="T", hint="look")).fields()
    assert fields == {"kind": "Refused", "message": "T: gone", "subject": "T", "causes": [], "hint": "look"}


def test_tracebacks_are_whole() -> None:
    with pytest.raises(PiLakeflowError) as caught:
        raise PiLakeflowError("deep")
    assert "test_tracebacks_are_whole" in trace_of(caught.value)


def test_the_censor_knows_the_secrets_of_the_settings() -> None:
    """Those of the proxy (its password alone, too), the object store and Zerobus as well."""
    config = {
        "pi_web_api_url": "https://h/piwebapi",
        "auth": {"type": "basic", "username": "reader", "password": "correct-horse"},
        "proxy": "http://me:open-sesame@proxy:3128",
        "lake": {"path": "s3://b/l", "storage_options": {"AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI"}},
        "zerobus": {"client_secret": "tell-nobody"},
    }
    censor = Censor()
    censor.learn(load(config, environ={}))
    told = censor.clean("x correct-horse y http://me:open-sesame@proxy:3128 z wJalrXUtnFEMI reader")
    assert told == "x *** y *** z *** reader"
    assert censor.clean("of open-sesame, tell-nobody") == "of ***, ***"


def test_the_censor_bears_secrets_that_cannot_be_read() -> None:
    config = {"pi_web_api_url": "https://h/piwebapi", "auth": {"type": "bearer", "token": "env:PI_NOWHERE"}}
    censor = Censor()
    censor.learn(load(config, environ={}))
    assert censor.clean("plain") == "plain"


def test_a_cause_that_names_the_host_stays() -> None:
    """Though its reason was told already; the plain one below it is left out."""

    class ConnectorError(OSError):
        def __str__(self) -> str:
            return f"Cannot connect to host pi:443 [{self.strerror}]"

    ours = caused(
        Transient("failed (refused)"), caused(ConnectorError(111, "refused"), OSError(111, "refused"))
    )
    assert problem_of(ours).causes == ("ConnectorError: Cannot connect to host pi:443 [refused]",)
