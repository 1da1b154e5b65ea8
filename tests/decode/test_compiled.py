"""The accelerated route: exact numbers and times, and when its loop is compiled, or is not."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tests.decode import reference
from tests.decode.accelerated import decode_accelerated
from tests.decode.test_large import META, large_body

from pi_lakeflow.historians.pi.decode import recorded
from pi_lakeflow.historians.pi.decode.compiler import COMPILER, Compiler
from pi_lakeflow.historians.pi.decode.recorded import decode_recorded
from pi_lakeflow.historians.pi.decode.times import ticks_of
from pi_lakeflow.historians.pi.decode.typed import decode_typed

AMOUNT = int(os.environ.get("PI_LAKEFLOW_FUZZ", "2000")) * 20


def body_of(tokens: list[str], times: list[str] | None = None) -> bytes:
    times = times or ["2024-01-01T00:00:00Z"] * len(tokens)
    events = ",".join(
        f'{{"Timestamp":"{time}","Value":{token},"Good":true}}'
        for time, token in zip(times, tokens, strict=True)
    )
    return f'{{"Items":[{{"WebId":"W","Items":[{events}]}}]}}'.encode()


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def number_tokens(rng: random.Random) -> list[str]:
    any_double = struct.unpack("<d", rng.randbytes(8))[0]
    usual = rng.uniform(-500, 500)
    single = struct.unpack("<f", struct.pack("<f", usual))[0]
    digits = str(rng.randrange(10 ** rng.randint(1, 22)))
    point = rng.randint(1, len(digits))
    fraction = f"{int(digits[:point])}.{digits[point:] or 0}"
    halfway = (2 * rng.randrange(2**52, 2**53) + 1) / 4  # rounded by Python; printed with all its digits
    return [
        repr(usual),
        repr(single),
        repr(any_double) if abs(any_double) < 1e308 else "1",
        f"{usual:.{rng.randint(0, 20)}f}",
        f"{usual:.{rng.randint(0, 18)}E}",
        fraction,
        f"-{fraction}e{rng.randint(-40, 40)}",
        f"{digits}E{rng.randint(-330, 200)}",
        f"{rng.randrange(2**52, 2**53)}.5",
        f"{halfway:.2f}",
        f"{rng.randrange(2**51, 2**52) * 2 + 1}.{rng.choice(['25', '75', '5', '125'])}",
        str(2**53 + rng.randint(-3, 3)),
        f"0.{'0' * rng.randint(0, 25)}{digits}",
    ]


def test_numbers_are_those_of_python() -> None:
    """Bit by bit, whatever the token: short, long, halfway between two doubles, tiny, huge."""
    rng = random.Random(3)
    tokens = [token for _ in range(AMOUNT // 13) for token in number_tokens(rng)]
    tokens += ["0", "-0", "-0.0", "0e99", "0.0E-99", "1e22", "1e23", "9007199254740993", "4.35", "1e-400"]
    values = decode_accelerated(body_of(tokens), {}).rows.column("value").to_pylist()
    for token, value in zip(tokens, values, strict=True):
        assert bits(value) == bits(float(token)), token


def test_times_are_exact() -> None:
    """To the tick, for each day of any year and each width of the fraction."""
    rng = random.Random(4)
    times = []
    for _ in range(AMOUNT // 20):
        year, month, day = rng.randint(1, 9999), rng.randint(1, 12), rng.randint(1, 28)
        fraction = rng.choice(["", f".{rng.randrange(10 ** (width := rng.randint(1, 7))):0{width}}"])
        clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
        times.append(f"{year:04}-{month:02}-{day:02}T{clock}{fraction}Z")
    times += [
        f"{year}-{day}T23:59:59.9999999Z"
        for year in (1600, 1999, 2000, 2024)
        for day in ("02-28", "03-01", "12-31")
    ]
    times += [
        "2024-02-29T00:00:00Z",
        "2000-02-29T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
    ]
    page = decode_accelerated(body_of(["1"] * len(times), times), {})
    assert page.rows.column("ticks").to_pylist() == [ticks_of(time) for time in times]


def test_answers_are_accelerated_once_the_loop_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, the fast route reads them, and compiling begins when that has cost enough."""
    body = large_body(2, 2_000)
    compiler = Compiler(worth=0.0)
    monkeypatch.setattr(recorded, "COMPILER", compiler)
    told: list[bool] = []
    compiler.then(lambda: told.append(compiler.scan is not None))
    before = decode_recorded(body, META)
    assert compiler.wait() is not None
    assert told == [True]
    monkeypatch.delattr(recorded, "decode_speculative")
    assert reference.identical(decode_recorded(body, META), before)


def test_a_short_run_compiles_nothing() -> None:
    compiler = Compiler(worth=1.0)
    compiler.spent(0.9)
    assert compiler.scan is None
    assert not any(
        each.name == "decode-compiler" and each.is_alive() for each in __import__("threading").enumerate()
    )


def test_without_numba_the_other_routes_read_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    compiler = Compiler(worth=0.0)
    monkeypatch.setattr(recorded, "COMPILER", compiler)
    body = large_body(5, 2_000)
    for _ in range(2):
        assert reference.identical(decode_recorded(body, META), decode_typed(body, META))
    assert compiler.wait() is None


def test_a_loop_that_computes_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    scan = COMPILER.wait()
    assert scan is not None

    def wrong(*arguments: object) -> int:
        ended = scan(*arguments)
        arguments[5][1][0] += 1e-9  # type: ignore[index]
        return ended

    monkeypatch.setattr("pi_lakeflow.historians.pi.decode.compiler._compiled", lambda check: wrong)
    assert Compiler().wait() is None


@pytest.mark.parametrize("folder", ["kept", "lost"])
def test_the_loop_is_compiled_wherever_its_code_may_be_kept(tmp_path: Path, folder: str) -> None:
    """In another folder than the package's, and when there is none that can be written."""
    if folder == "kept":
        (tmp_path / "kept").mkdir()
    else:
        (tmp_path / "lost").write_text("no folder")
    run = python(WAIT, NUMBA_CACHE_DIR=str(tmp_path / folder))
    assert run.stdout.strip() == "True", run.stderr
    if folder == "kept":
        assert list((tmp_path / "kept").rglob("*.nbi"))


def test_a_process_ends_while_the_loop_is_being_compiled(tmp_path: Path) -> None:
    """And at once: the compiler stops at its next step."""
    run = python(LEAVE, NUMBA_CACHE_DIR=str(tmp_path))
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "leaving", "")


WAIT = """
from pi_lakeflow.historians.pi.decode.compiler import COMPILER
print(COMPILER.wait() is not None)
"""
LEAVE = """
import time
from pi_lakeflow.historians.pi.decode.compiler import COMPILER
COMPILER.begin()
time.sleep(1.0)
print("leaving" if COMPILER.scan is None else "ready")
"""


def python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
