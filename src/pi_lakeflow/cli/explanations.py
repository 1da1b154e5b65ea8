"""Where a run's time went, in words and as fields: symptom and solution."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.text import Text

from pi_lakeflow.app.diagnosis import Explanation, Finding
from pi_lakeflow.app.timing import TimeSplit
from pi_lakeflow.cli import words
from pi_lakeflow.cli.output import Output

LABELS = {
    "planning": "planning",
    "server": "server",
    "network": "network",
    "throttling": "refusals and retries",
    "rate_limit": "own rate limit",
    "decode": "decoding",
    "memory": "memory",
    "write": "writing",
    "other": "other",
}
_BAR = 30  # characters


def fields(found: Explanation) -> dict[str, Any]:
    """For JSON: seconds by part, the heaviest cause, and the findings."""
    return {
        "time": {name: round(seconds, 3) for name, seconds in found.facts.time.shares_of().items()},
        "cpu_seconds": round(found.facts.cpu_seconds, 3),
        "bottleneck": found.bottleneck,
        "findings": [asdict(finding) | {"share": round(finding.share, 4)} for finding in found.findings],
    }


def in_brief(split: TimeSplit, parts: int = 3) -> str:
    """``server 71 %, decoding 12 %, writing 9 %``: the heaviest parts, those above a hundredth."""
    heavy = sorted(LABELS, key=lambda name: -split.share(name))[:parts]
    return ", ".join(f"{LABELS[name]} {split.share(name):.0%}" for name in heavy if split.share(name) >= 0.01)


def show(output: Output, found: Explanation) -> None:
    """All parts as a table, then what to change."""
    split = found.facts.time
    rows = [
        (LABELS[name], words.duration(seconds), f"{split.share(name):.0%}", _bar(split.share(name)))
        for name, seconds in split.shares_of().items()
        if seconds >= 0.001
    ]
    output.table(("part", ">time", ">share", ""), rows)
    advise(output, found)


def advise(output: Output, found: Explanation) -> None:
    """Symptom and solution of each finding."""
    if not found.findings:
        output.text("\nNothing stands out.")
    for finding in found.findings:
        _one(output, finding)


def _one(output: Output, finding: Finding) -> None:
    output.text()
    title = f"{LABELS[finding.cause].capitalize()}: {finding.share:.0%} of the time"
    output.text(title, style="bold")
    output.facts(("Symptom", finding.symptom), ("Solution", finding.solution))


def _bar(share: float) -> Text:
    return Text("█" * round(share * _BAR), style="cyan")
