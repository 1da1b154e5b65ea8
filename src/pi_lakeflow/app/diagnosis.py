"""What a run waited for, and what to change: symptom and solution, by name of the key. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pi_lakeflow.app.timing import PARTS, TimeSplit

WORTH_A_WORD = 0.15  # of the run's time: less is no bottleneck
_SMALL_COMMIT = 100_000  # rows: below, a commit costs more for itself than for its rows
_QUICK_COMMIT = 0.5  # seconds: what a small commit takes at most where storage is not slow
_SATURATED = 0.6  # of max_workers: where the limit stays below, more requests do not help
_ALL_BUSY = 0.85  # of the processors
_FEW_REQUESTS = 100  # the adaptive limit needs some rounds to find the server's pace


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What a run measured, and the settings that bear on it. Times in seconds.

    ``answers_429`` and ``answers_503`` count refusals; ``at_once`` is the mean number of requests under
    way, ``allowed`` the mean that the adaptive limit let through (None: it never moved).
    """

    time: TimeSplit = field(default_factory=TimeSplit)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    processors: int = 0
    rows: int = 0
    commits: int = 0
    commit_seconds: float = 0.0
    requests: int = 0
    retries: int = 0
    wire_bytes: int = 0
    body_bytes: int = 0
    answers_429: int = 0
    answers_503: int = 0
    at_once: float = 0.0
    allowed: float | None = None
    max_workers: int = 0
    base_batch_size: int = 0
    rate_limit: float | None = None
    memory_limit_gb: float = 0.0
    compression: bool = True

    def as_row(self) -> dict[str, Any]:
        """Columns of ``pi_ingest_runs``."""
        row = asdict(self)
        split = row.pop("time")
        return row | {f"{name}_seconds": split[name] for name in PARTS}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> RunFacts | None:
        """The same from a row; None when the run was of a version that did not measure."""
        if row.get("seconds") is None:
            return None
        known = {each.name for each in fields(cls)} - {"time"}
        split = {name: row.get(f"{name}_seconds") or 0.0 for name in PARTS}
        return cls(time=TimeSplit(**split), **{name: row[name] for name in known if name in row})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that took a good part of the run. ``keys`` are what the solution names."""

    cause: str
    share: float
    seconds: float
    symptom: str
    solution: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """``findings`` by weight, the heaviest first; none when nothing stands out."""

    facts: RunFacts
    findings: tuple[Finding, ...]

    @property
    def bottleneck(self) -> str | None:
        """The cause of the first finding."""
        return self.findings[0].cause if self.findings else None


def explain(facts: RunFacts) -> Explanation:
    """Turn the split of time into findings."""
    split = facts.time
    heavy = [name for name in _ADVICE if split.share(name) >= WORTH_A_WORD]
    heavy.sort(key=lambda name: -split.share(name))
    return Explanation(facts, tuple(_finding(facts, name) for name in heavy))


def _finding(facts: RunFacts, name: str) -> Finding:
    symptom, solution, keys = _ADVICE[name](facts)
    share = facts.time.share(name)
    return Finding(name, share, share * facts.time.total, symptom, solution, keys)


Advice = tuple[str, str, tuple[str, ...]]


def _server(facts: RunFacts) -> Advice:
    allowed = facts.max_workers if facts.allowed is None else facts.allowed
    symptom = (
        f"requests waited for the server to begin its answer; {facts.at_once:.1f} were under way on "
        f"average, of at most {facts.max_workers}"
    )
    low = allowed < _SATURATED * facts.max_workers
    if low and facts.requests < _FEW_REQUESTS:
        return (
            f"{symptom}: the run was over before their number had grown to what the server bears",
            "judge by a longer run; performance.max_workers only bounds that number, which starts low",
            ("performance.max_workers",),
        )
    if facts.at_once < 0.5 * min(allowed, facts.max_workers):
        return (
            f"{symptom}: there was not enough to ask for side by side",
            (
                f"lower performance.base_batch_size (now {facts.base_batch_size}), so that the same tags "
                "make more requests; read several spans or more tags in one run"
            ),
            ("performance.base_batch_size",),
        )
    if low:
        return (
            f"{symptom}: answers came slower when there were more, so only {allowed:.1f} were let through",
            (
                "the server is at its limit: more requests do not help. Run when it has less to do; spare "
                "others with performance.rate_limit, or with performance.max_workers: "
                f"{max(1, round(allowed))}"
            ),
            ("performance.rate_limit", "performance.max_workers"),
        )
    return (
        symptom,
        (
            f"raise performance.max_workers to {2 * facts.max_workers}: the server bore all that were asked; "
            "the limit comes down by itself where it does not"
        ),
        ("performance.max_workers",),
    )


def _network(facts: RunFacts) -> Advice:
    speed = facts.wire_bytes / facts.seconds / 1e6 if facts.seconds else 0.0
    symptom = f"answers took long to arrive once they had begun: {speed:.2f} MB/s over the line"
    if not facts.compression:
        return (
            f"{symptom}, not compressed",
            "set performance.enable_compression: true (recorded values shrink about eightfold)",
            ("performance.enable_compression",),
        )
    return (
        f"{symptom}, compressed already ({_ratio(facts)})",
        (
            "run nearer to the server. If the line has room left, raise performance.max_workers (now "
            f"{facts.max_workers}); if each request costs much by itself, raise performance.base_batch_size "
            f"(now {facts.base_batch_size})"
        ),
        ("performance.max_workers", "performance.base_batch_size"),
    )


def _throttling(facts: RunFacts) -> Advice:
    pace = facts.requests / facts.seconds if facts.seconds else 0.0
    if facts.answers_429 > facts.answers_503:
        answered = pace * (1 - facts.answers_429 / max(1, facts.requests))
        return (
            f"the server refused {facts.answers_429:,} of {facts.requests:,} requests as too many (429)",
            f"set performance.rate_limit below what it allows: it served about {answered:.1f} a second here",
            ("performance.rate_limit",),
        )
    if facts.answers_503:
        return (
            f"the server was overloaded: {facts.answers_503:,} of {facts.requests:,} requests got a 503",
            f"lower performance.max_workers (now {facts.max_workers}), or set performance.rate_limit",
            ("performance.max_workers", "performance.rate_limit"),
        )
    return (
        f"{facts.retries:,} requests failed and were sent again (broken connections or no answer)",
        (
            "look at the server's and the proxy's log; `run -v` names the requests. If answers only take "
            "long, raise performance.read_timeout; if it needs time to recover, performance.retry_backoff"
        ),
        ("performance.read_timeout", "performance.retry_backoff"),
    )


def _rate_limit(facts: RunFacts) -> Advice:
    limit = "" if facts.rate_limit is None else f" ({facts.rate_limit:g} a second)"
    return (
        f"requests waited for our own limit{limit}, not for the server",
        (
            "raise performance.rate_limit if the server's owner agrees, or let each request bring more: "
            f"raise performance.base_batch_size (now {facts.base_batch_size})"
        ),
        ("performance.rate_limit", "performance.base_batch_size"),
    )


def _decode(facts: RunFacts) -> Advice:
    cores = facts.cpu_seconds / facts.seconds if facts.seconds else 0.0
    pace = facts.rows / facts.seconds / 1e6 if facts.seconds else 0.0
    symptom = (
        f"answers waited to be made into rows: {pace:.2f} million rows/s with {cores:.1f} of "
        f"{facts.processors} processors busy"
    )
    if facts.processors and cores > _ALL_BUSY * facts.processors:
        more = (
            "this computer is used up: take one with more processors, and leave performance.workers on auto"
        )
        return symptom, more, ("performance.workers",)
    return (
        symptom,
        (
            "let more processes decode: raise performance.workers, up to one per processor; auto adds them "
            "for large runs only, and while each has enough of performance.memory_limit_gb (now "
            f"{facts.memory_limit_gb:g})"
        ),
        ("performance.workers", "performance.memory_limit_gb"),
    )


def _memory(facts: RunFacts) -> Advice:
    return (
        (
            f"steps waited for memory: {facts.memory_limit_gb:g} GB do not hold what "
            f"{facts.max_workers} requests at once bring"
        ),
        f"raise performance.memory_limit_gb, or lower performance.max_workers (now {facts.max_workers})",
        ("performance.memory_limit_gb", "performance.max_workers"),
    )


def _write(facts: RunFacts) -> Advice:
    each = facts.rows / facts.commits if facts.commits else 0.0
    symptom = f"reading waited for commits: {facts.commits:,} of {each:,.0f} rows on average"
    grow = f"raise performance.memory_limit_gb (now {facts.memory_limit_gb:g}): commits grow with it"
    move = "put `lake` on faster storage, or run nearer to it (same region as the object store)"
    if facts.commits <= 2 or each >= _SMALL_COMMIT:
        return symptom, move, ("lake",)
    if facts.commit_seconds < _QUICK_COMMIT * facts.commits:
        return f"{symptom}, small and many", grow, ("performance.memory_limit_gb",)
    slow = f"{symptom}, {facts.commit_seconds / facts.commits:.1f} s each"
    return slow, f"{move}; and {grow}", ("lake", "performance.memory_limit_gb")


def _planning(_facts: RunFacts) -> Advice:
    return (
        "finding the tags and planning took a good part of the run",
        (
            "run less often, so that a run has more to read; give `tags` as a mask or WebIds rather than "
            "as many single names"
        ),
        ("tags",),
    )


def _ratio(facts: RunFacts) -> str:
    return f"{facts.body_bytes / facts.wire_bytes:.1f} to 1" if facts.wire_bytes else "nothing came"


_ADVICE: Mapping[str, Callable[[RunFacts], Advice]] = {
    "server": _server,
    "network": _network,
    "throttling": _throttling,
    "rate_limit": _rate_limit,
    "decode": _decode,
    "memory": _memory,
    "write": _write,
    "planning": _planning,
}
