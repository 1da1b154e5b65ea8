"""Secrets are references, are read late, and are never shown."""

from __future__ import annotations

import json
import pickle
import sys
import types
from pathlib import Path

import pytest

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings.secrets import Secret


def test_a_plain_secret_hides_itself() -> None:
    secret = Secret.of("hunter2")
    assert secret.reveal() == "hunter2"
    assert secret.is_plain
    for shown in (str(secret), repr(secret), f"{secret}", f"{[secret]}", repr({"a": secret})):
        assert "hunter2" not in shown


def test_a_pickled_secret_does_not_show_the_text_and_comes_back() -> None:
    secret = Secret.of("hunter2-hunter2", origin="auth.password")
    pickled = pickle.dumps(secret)
    assert b"hunter2" not in pickled
    again = pickle.loads(pickled)
    assert (again, again.origin) == (secret, "auth.password")


def test_json_refuses_a_secret() -> None:
    with pytest.raises(TypeError):
        json.dumps({"password": Secret.of("hunter2")})


def test_environment_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret.of("env:PI_TEST_PASSWORD", origin="auth.password")
    assert str(secret) == "env:PI_TEST_PASSWORD"
    with pytest.raises(SettingsError, match="PI_TEST_PASSWORD is not set") as caught:
        secret.reveal()
    assert caught.value.subject == "auth.password"
    monkeypatch.setenv("PI_TEST_PASSWORD", "s3cret")
    assert secret.reveal() == "s3cret"


def test_file_reference_counts_from_the_base_and_loses_the_line_end(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(" s3cret \n")
    secret = Secret.of("file:password", base=tmp_path)
    assert secret.reveal() == " s3cret "
    with pytest.raises(SettingsError, match="cannot read the secret file"):
        Secret.of("file:nowhere", base=tmp_path).reveal()
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        Secret.of("file:empty", base=tmp_path).reveal()


class _Dbutils:
    def __init__(self) -> None:
        self.secrets = self

    def get(self, *, scope: str, key: str) -> str:
        if scope == "gone":
            raise RuntimeError("no such scope")
        return f"{scope}+{key}"


def test_databricks_reference_through_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "dbutils", _Dbutils(), raising=False)
    assert Secret.of("databricks:plant/pi").reveal() == "plant+pi"
    with pytest.raises(SettingsError, match="does not give the secret gone/pi"):
        Secret.of("databricks:gone/pi").reveal()


def test_databricks_reference_through_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys.modules["__main__"], "dbutils", raising=False)
    runtime = types.ModuleType("databricks.sdk.runtime")
    runtime.dbutils = _Dbutils()  # a stand-in for the platform
    for name in ("databricks", "databricks.sdk"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "databricks.sdk.runtime", runtime)
    assert Secret.of("databricks:plant/pi").reveal() == "plant+pi"


def test_databricks_reference_elsewhere_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match="dbutils") as caught:
        Secret.of("databricks:plant/pi").reveal()
    assert caught.value.hint == "outside Databricks use env:NAME or file:PATH"


@pytest.mark.parametrize(
    "text", ["env:", "file:", "databricks:scope", "databricks:/key", "databricks:scope/"]
)
def test_incomplete_references_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="incomplete"):
        Secret.of(text)


@pytest.mark.parametrize("text", ["a:b", "C:\\x", "https://x", "p@ss:word", "ENV:X"])
def test_other_colons_are_part_of_a_plain_secret(text: str) -> None:
    assert Secret.of(text).reveal() == text
