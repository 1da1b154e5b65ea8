"""Results on stdout, the rest on stderr; one end event, the last."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from pi_lakeflow.cli.output import Output
from pi_lakeflow.errors import SourceUnavailable

Capture = pytest.CaptureFixture[str]


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_people_get_text_and_no_json(capsys: Capture) -> None:
    output = Output()
    output.event("tag", name="T")
    output.text("a result")
    output.note("a remark")
    output.end(0, "done")
    told = capsys.readouterr()
    assert told.out == "a result\n"
    assert told.err == "a remark\n"


def test_programs_get_json_and_no_text(capsys: Capture) -> None:
    output = Output(json=True, command="discover")
    output.event("tag", name="Ünï[b]")
    output.text("a result")
    output.facts(("label", "value"))
    output.table(("a",), [("b",)])
    output.result(tags=1)
    output.end(0, "done")
    told = capsys.readouterr()
    assert events(told.out) == [
        {"event": "tag", "name": "Ünï[b]"},
        {"event": "end", "command": "discover", "status": "done", "exit_code": 0, "tags": 1},
    ]


def test_only_the_first_end_counts(capsys: Capture) -> None:
    output = Output(json=True)
    output.end(1, "quarantined")
    output.end(0, "done")
    assert [event["exit_code"] for event in events(capsys.readouterr().out)] == [1]


def test_errors_are_three_kinds_of_lines(capsys: Capture) -> None:
    """Brackets are no markup, and nothing is folded where there is no terminal."""
    error = SourceUnavailable("[red]gone[/] " + "x" * 300, subject="GET /a", hint="wait")
    error.__cause__ = OSError("broken [wire]")
    Output().error(error)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        f"error: GET /a: [red]gone[/] {'x' * 300}",
        "  because OSError: broken [wire]",
        "hint: wait",
    ]


def test_debug_adds_the_traceback(capsys: Capture) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        raise SourceUnavailable("gone")
    Output(debug=True).error(caught.value)
    assert "Traceback" in capsys.readouterr().err


def test_tables_align_and_keep_odd_names(capsys: Capture) -> None:
    Output().table(("tag", ">rows"), [("A [x] & ;", "1,000"), ("B", "7")])
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["tag", "rows"]
    assert "A [x] & ;" in first
    assert len(first.rstrip()) == len(second.rstrip()) == len(head.rstrip())


def on_a_terminal(width: int) -> tuple[Output, StringIO]:
    written = StringIO()
    return Output(out=Console(file=written, width=width, markup=False, soft_wrap=True)), written


def test_a_narrow_terminal_folds_and_cuts_nothing() -> None:
    """Every word is there, whatever the width, and no line is wider where folding helps."""
    said = "a long description of what this is about, to the end"
    for width in (20, 30, 40, 80, 200):
        output, written = on_a_terminal(width)
        output.table(("key", "value…", "from"), [("first.key", said, "line 12"), ("b", "x", "default")])
        lines = written.getvalue().splitlines()
        assert set(" ".join(lines).split()) >= {*said.replace("description", "").split(), "12", "default"}
        assert "…" not in written.getvalue()
        if width >= 40:
            assert max(map(len, lines)) <= width


def test_numbers_are_never_cut() -> None:
    """4.1 s must not become 4.1, however narrow the terminal."""
    output, written = on_a_terminal(24)
    output.table(("started", ">rows", ">left", ">took"), [("2026-11-24", "831,946", "", "4.1 s")])
    assert "4.1 s" in written.getvalue()
    assert "left" not in written.getvalue()  # an empty column gives its room
