"""The border around all commands, and those that need no server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pi_lakeflow.app.tables import all_tables
from pi_lakeflow.cli import interrupts, program
from pi_lakeflow.cli.commands import version
from pi_lakeflow.settings import load

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: Patch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def end_of(text: str) -> dict[str, object]:
    """The last event, which is the only end event."""
    events: list[dict[str, object]] = [json.loads(line) for line in text.splitlines()]
    assert [event["event"] for event in events].count("end") == 1
    assert events[-1]["event"] == "end"
    return events[-1]


@pytest.mark.parametrize(
    "arguments", [["--help"], [], ["run", "--help"], ["config", "--help"], ["config", "show", "-h"]]
)
def test_help_is_a_result(arguments: list[str], capsys: Capture) -> None:
    assert program.run(arguments) == 0
    assert capsys.readouterr().out.startswith("Usage: pi-lakeflow")


@pytest.mark.parametrize(
    ("arguments", "mention"),
    [
        (["rnu"], "run"),
        (["run", "--sinse", "*"], "--since"),
        (["backfill"], "--since"),
        (["run", "--set", "lake"], "--set"),
        (["run", "--set", "max_wokers=3", "--url", "https://h/piwebapi"], "max_workers"),
        (["status", "--limit", "many", "--url", "https://h/piwebapi"], "--limit"),
        (["tables", "pi_timeserie"], "pi_timeseries"),
        (["run", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (["run"], "pi_web_api_url"),
    ],
)
def test_usage_errors_are_one_error_with_a_hint(arguments: list[str], mention: str, capsys: Capture) -> None:
    """And exit code 2, and one end event."""
    assert program.run([*arguments, "--json"]) == 2
    told = capsys.readouterr()
    assert told.err.count("error:") == told.err.count("hint:") == 1, told.err
    assert mention in told.err
    end = end_of(told.out)
    assert (end["status"], end["exit_code"]) == ("failed", 2)


def test_a_group_without_command_says_so(capsys: Capture) -> None:
    assert program.run(["config"]) == 2
    assert "command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "code", "status"),
    [
        (ZeroDivisionError("oops"), 101, "failed"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (interrupts.Interrupted(143), 143, "interrupted"),
    ],
)
def test_whatever_comes_out_of_a_command_ends_in_words(
    raised: BaseException, code: int, status: str, capsys: Capture, monkeypatch: Patch
) -> None:
    """No traceback, and one end event."""

    def installed(_name: str) -> str:
        raise raised

    monkeypatch.setattr(version, "installed", installed)
    assert program.run(["version", "--json"]) == code
    told = capsys.readouterr()
    assert told.err
    assert "Traceback" not in told.err
    end = end_of(told.out)
    assert (end["status"], end["exit_code"]) == (status, code)


def test_help_beside_json_leaves_stdout_to_json(capsys: Capture) -> None:
    assert program.run(["run", "--help", "--json"]) == 0
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 1
    assert end_of(told.out)["status"] == "done"
    assert "Usage" in told.err


@pytest.mark.parametrize("kind", ["basic", "bearer", "oidc", "kerberos", "ntlm", "anonymous"])
def test_init_writes_what_loads(kind: str, folder: Path, capsys: Capture) -> None:
    options = ["--url", "https://h/piwebapi", "--auth", kind, "--tag", "A", "--tag", "B*", "--since", "*-2d"]
    assert program.run(["init", *options, "--lake", "s3://bucket/x"]) == 0
    settings = load(environ={}, cwd=folder)
    assert settings.auth.type == kind
    assert str(settings.tags) == "A, B*"
    assert (settings.since, settings.lake.path) == ("*-2d", "s3://bucket/x")
    assert "pi-lakeflow check" in capsys.readouterr().out


def test_init_overwrites_only_when_forced(folder: Path, capsys: Capture) -> None:
    """Nor does a mistake cost the file that is there."""
    path = folder / "pi-lakeflow.yaml"
    path.write_text("mine", encoding="utf-8")
    assert program.run(["init"]) == 2
    assert "--force" in capsys.readouterr().err
    assert program.run(["init", "--force", "--url", "no url"]) == 2
    assert path.read_text(encoding="utf-8") == "mine"
    assert program.run(["init", "--force"]) == 0
    assert "pi_web_api_url" in yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(folder.iterdir()) == [path]


def test_config_show_tells_origins_and_no_secret(folder: Path, capsys: Capture, monkeypatch: Patch) -> None:
    program.run(["init", "--url", "https://h/piwebapi"])
    monkeypatch.setenv("PI_LAKEFLOW_CATALOG", "plant")
    monkeypatch.setenv("PI_PASSWORD", "correct-horse")
    capsys.readouterr()
    assert program.run(["config", "show", "--set", "performance.max_workers=3", "--json"]) == 0
    told = capsys.readouterr()
    rows = {row["key"]: row for row in map(json.loads, told.out.splitlines()) if row["event"] == "setting"}
    assert rows["catalog"]["origin"] == "PI_LAKEFLOW_CATALOG"
    assert rows["performance.max_workers"]["value"] == "3"
    assert rows["auth.password"]["value"] == "env:PI_PASSWORD"
    assert rows["pi_web_api_url"]["origin"].startswith("pi-lakeflow.yaml line")
    assert "correct-horse" not in told.out + told.err
    program.run(["config", "show", "--set-only"])
    assert "performance.read_timeout" not in capsys.readouterr().out


def test_config_reference_lists_every_key(capsys: Capture) -> None:
    assert program.run(["config", "reference"]) == 0
    assert "`max_workers`" in capsys.readouterr().out


def test_a_doubtful_setting_is_said_once(capsys: Capture) -> None:
    options = ["--url", "https://h/piwebapi", "--set", "tls.verify=false"]
    assert program.run(["config", "show", *options]) == 0
    assert capsys.readouterr().err.count("warning:") == 1


def test_tables_are_listed_described_and_created(capsys: Capture) -> None:
    assert program.run(["tables"]) == 0
    listed = capsys.readouterr().out
    assert all(spec.name in listed for spec in all_tables())
    assert program.run(["tables", "pi_timeseries"]) == 0
    assert "event_index" in capsys.readouterr().out
    assert program.run(["tables", "--ddl", "--schema", "main.bronze"]) == 0
    assert "CREATE TABLE main.bronze.pi_timeseries (" in capsys.readouterr().out


def test_version_names_its_parts(capsys: Capture) -> None:
    assert program.run(["version", "--json"]) == 0
    assert {"version", "python", "deltalake", "pyarrow"} <= end_of(capsys.readouterr().out).keys()


@pytest.mark.parametrize(
    ("arguments", "mention", "hint"),
    [
        (
            ["status", "--config", "not-there.yaml"],
            "not-there.yaml: cannot read",
            "init --config not-there.yaml",
        ),
        (["status", "--config", "latin.yaml"], "not text in UTF-8", "UTF-8"),
        (["status", "--config", "broken.yaml"], "broken.yaml line 2: not YAML", "quotes"),
        (
            ["plan", "--url", "http://h/piwebapi", "--tag", "@none.txt"],
            "none.txt: No such file",
            "one tag a line",
        ),
        (["connector", "--out", "latin.yaml"], "latin.yaml: cannot be written", "--out"),
        (["connector", "--out", "latin.yaml/below"], "latin.yaml/below: cannot be written", "--out"),
        (["init", "--config", "no/folder.yaml"], "no/folder.yaml: cannot be written", "--config"),
        (["init", "--config", "new.yaml", "--url", "nonsense"], "in new.yaml line", ""),
        (["simulate", "--now", "yesterday"], "'yesterday' is not a time such as", ""),
        (["alarms", "report", "--url", "http://h/piwebapi", "--year", "99999"], "--year 99999", "2025"),
    ],
    ids=lambda given: " ".join(given)[:40] if isinstance(given, list) else "",
)
def test_what_cannot_be_used_is_named_with_a_remedy(
    arguments: list[str], mention: str, hint: str, folder: Path, capsys: Capture
) -> None:
    """In few lines, and without the names of files of our own."""
    (folder / "latin.yaml").write_bytes(b"catalog: caf\xe9\n")
    (folder / "broken.yaml").write_text("a: [\n")
    assert program.run(arguments) == 2
    said = capsys.readouterr().err
    lines = said.splitlines()
    assert mention in said
    assert hint in lines[-1]
    assert len(lines) <= 3
    assert ".new" not in said
    assert not (folder / "new.yaml").exists()
