"""Runs a program and tells what it took, as the kernel counted it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from time import monotonic, sleep

import psutil

EVERY = 0.1  # seconds between two looks at the memory


@dataclass(frozen=True)
class Usage:
    """Seconds by the wall clock and by the processor, memory in bytes, and what it printed.

    Memory is the resident set of the process and all its children together; pages that they share
    count once for each. ``samples`` are pairs of seconds and bytes.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    samples: list[tuple[float, int]]
    output: str


def run(command: Sequence[str]) -> Usage:
    """Run to its end. Raises ``RuntimeError`` with the program's words when it fails."""
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        started = monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True)
        samples: list[tuple[float, int]] = []
        watched = psutil.Process(process.pid)
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            samples.append((round(monotonic() - started, 2), _resident(watched)))
            sleep(EVERY)
        seconds = monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        out.seek(0), err.seek(0)
        output = out.read()
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}\n{output}\n{err.read()}")
    usage = ended[2]
    peak = max([size for _, size in samples], default=0)
    own = usage.ru_maxrss * 1024  # of the largest single process, between our looks too
    return Usage(seconds, usage.ru_utime + usage.ru_stime, max(peak, own), samples, output)


def _resident(process: psutil.Process) -> int:
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.NoSuchProcess:
        pass  # it has just ended
    return total
