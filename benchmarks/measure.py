"""Runs a program and tells what it took, as the kernel counted it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic, sleep
from typing import TextIO

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
        memory = _Memory(psutil.Process(process.pid))
        samples: list[tuple[float, int]] = []
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            samples.append((round(monotonic() - started, 2), memory.look()))
            sleep(EVERY)
        seconds = monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        output, errors = _read(out), _read(err)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}\n{output}\n{errors}")
    cpu = ended[2].ru_utime + ended[2].ru_stime
    return Usage(seconds, cpu, memory.peak, samples, output)


def _read(file: TextIO) -> str:
    file.seek(0)
    return file.read()


@dataclass
class _Memory:
    """Resident sets of a process and its children. The kernel's own high-water mark of each process
    also catches what happens between two looks (``ru_maxrss`` does not do: a new process inherits
    that of the one which started it)."""

    process: psutil.Process
    peak: int = 0
    highest: dict[int, int] = field(default_factory=dict)

    def look(self) -> int:
        total = 0
        try:
            for each in (self.process, *self.process.children(recursive=True)):
                total += each.memory_info().rss
                self._mark(each.pid)
        except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
            pass  # it has just ended
        self.peak = max(self.peak, total, *self.highest.values(), 0)
        return total

    def _mark(self, pid: int) -> None:
        status = Path(f"/proc/{pid}/status")
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
        if found:
            self.highest[pid] = int(found[1]) * 1024
