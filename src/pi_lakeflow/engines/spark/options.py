"""Options of ``spark.read`` and ``spark.readStream``: the configuration's keys, and a few of Spark's own.

Spark passes names in lower case and values as text. A name may be written as in the configuration
(``performance.max_workers``) or without the underscores, as Spark people do (``maxRecordsPerBatch``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings import Settings, load, parse_duration
from pi_lakeflow.settings.schema import DECLARED

# What Spark or the platform adds by itself; it says nothing to us.
_FOREIGN = frozenset(
    {"path", "checkpointlocation", "databricks.connection", "sourcename", "externaloptionsallowlist"}
)


@dataclass(frozen=True, slots=True)
class Own:
    """An option that only Spark needs."""

    name: str
    default: str | None
    doc: str


_FILES_ROWS = 25_000_000  # a micro-batch's own cost is then a small part, and a task holds no more of it

OWN = (
    Own("config", None, "Path of a configuration file. Options override it."),
    Own("table", "pi_timeseries", "Which table."),
    Own(
        "partitions",
        "4",
        "Most tasks that read at once. Each gets an equal part of `performance.max_workers` and of "
        "`performance.rate_limit`, so that together they stay within the server's budget.",
    ),
    Own(
        "max_records_per_batch",
        "5000000",
        "About how many rows a micro-batch brings, as densities are known. "
        f"With `deliver=files` {_FILES_ROWS} unless set: those rows do not pass through Spark.",
    ),
    Own("window", None, "Longest stretch of time that a micro-batch brings, such as `1d`."),
    Own(
        "state",
        None,
        "Folder that driver and executors see. With it, a tag that cannot be read is left behind and noted "
        "there instead of failing the query, and streams of many tags keep their plans there.",
    ),
    Own("rediscover", "10m", "How often a stream looks for new tags, and tries those again that it left."),
    Own(
        "deliver",
        "rows",
        "`files`: the reading tasks write the files of the `lake` themselves and deliver their names, which "
        '`write.format("pi_lakeflow")` commits.',
    ),
    Own(
        "pushdown",
        "false",
        "Let Spark hand filters on tag and time to the reader. Needs the Spark setting "
        "`spark.sql.python.filterPushdown.enabled`.",
    ),
)
_OWN = {own.name: own for own in OWN}


@dataclass(frozen=True, slots=True)
class SparkOptions:
    """What a query was given. Durations in microseconds; ``window`` None means no bound."""

    settings: Settings
    table: str
    partitions: int
    max_records: int
    window: int | None
    state: str | None
    rediscover: int
    pushdown: bool
    deliver_files: bool


def read_options(given: Mapping[str, str]) -> SparkOptions:
    """Checked options. Raises ``SettingsError`` that names the option, and the nearest known name."""
    keys: dict[str, Any] = {}
    own: dict[str, str] = {}
    for name, value in given.items():
        if name.lower() in _FOREIGN:
            continue
        known = _known(name)
        if known in _OWN:
            own[known] = value
        else:
            keys[known] = value
    deliver_files = _one_of(own, "deliver", ("rows", "files")) == "files"
    if deliver_files:
        own.setdefault("max_records_per_batch", str(_FILES_ROWS))
    config = own.get("config")
    settings = load(None if config else {}, path=config, flags=keys, named=lambda path: f"option {path!r}")
    return SparkOptions(
        settings,
        table=_own(own, "table") or "",
        partitions=_whole(own, "partitions"),
        max_records=_whole(own, "max_records_per_batch"),
        window=_micros(own, "window") if own.get("window") else None,
        state=own.get("state"),
        rediscover=_micros(own, "rediscover"),
        pushdown=_flag(own, "pushdown"),
        deliver_files=deliver_files,
    )


def write_options(given: Mapping[str, str]) -> SparkOptions:
    """Options of a write: no server is asked, so none need be named."""
    named = {name.lower() for name in given} & {"config", "pi_web_api_url"}
    return read_options(given if named else {**given, "pi_web_api_url": _NO_SERVER})


_NO_SERVER = "https://not-asked.invalid"


def _known(name: str) -> str:
    wanted = _plain(name)
    names = {_plain(each): each for each in (*DECLARED.leaves, *DECLARED.aliases, *_SHORTHANDS, *_OWN)}
    if wanted in names:
        return names[wanted]
    # The data source alone has no sections: `password` can only be `auth.password`.
    close = get_close_matches(wanted, names, n=1, cutoff=0.6)
    close = close or [each for each in names if each.rpartition(".")[2] == wanted]
    raise SettingsError(
        "unknown option",
        subject=name,
        hint=f"did you mean {names[close[0]]}?"
        if close
        else "docs/spark.md and the configuration's keys list them",
    )


_SHORTHANDS = tuple(path for path, group in DECLARED.sections.items() if group.shorthand)


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _own(own: Mapping[str, str], name: str) -> str | None:
    return own.get(name, _OWN[name].default)


def _whole(own: Mapping[str, str], name: str) -> int:
    text = _own(own, name) or ""
    if not text.strip().isdecimal() or int(text) < 1:
        raise SettingsError(f"{text!r} is not a whole number of at least 1", subject=f"option {name!r}")
    return int(text)


def _micros(own: Mapping[str, str], name: str) -> int:
    text = _own(own, name) or ""
    try:
        length = parse_duration(text)
    except (ValueError, SettingsError) as error:
        raise SettingsError(f"{text!r} is not a duration such as 1d", subject=f"option {name!r}") from error
    if length <= timedelta(0):
        raise SettingsError("must be longer than nothing", subject=f"option {name!r}")
    return length // timedelta(microseconds=1)


def _flag(own: Mapping[str, str], name: str) -> bool:
    return _one_of(own, name, ("true", "false")) == "true"


def _one_of(own: Mapping[str, str], name: str, words: tuple[str, str]) -> str:
    text = (_own(own, name) or "").lower()
    if text not in words:
        raise SettingsError(f"{text!r} is neither {words[0]} nor {words[1]}", subject=f"option {name!r}")
    return text
