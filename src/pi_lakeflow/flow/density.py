"""Expected events of each tag: kept in ``pi_tag_density`` from run to run, guessed from a sample otherwise.

Densities decide how requests are packed, never what is read: a wrong one costs time, not rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import pyarrow as pa

from pi_lakeflow.flow.tables import PI_TAG_DENSITY
from pi_lakeflow.model.ports import Table
from pi_lakeflow.model.span import DAY

Rates = dict[str, float]
"""Events per microsecond by WebId."""

SAMPLE = 100
_NEWS = 1.3  # a density that changed by this factor is written down
_NOISE = 0.05  # the share of tags whose density may seem to change without being worth a commit
_ALIKE = 3.0  # times the median that the densest of alike tags may have


def load_rates(table: Table) -> Rates:
    """What earlier runs saw."""
    if not table.exists():
        return {}
    rows = table.read(["tag_webid", "events_per_day"])
    return {
        webid: per_day / DAY
        for webid, per_day in zip(
            rows["tag_webid"].to_pylist(), rows["events_per_day"].to_pylist(), strict=True
        )
    }


def save_rates(table: Table, seen: Mapping[str, float], run_id: str) -> bool:
    """Write down what this run saw, unless it is no news; returns whether it was."""
    known = load_rates(table)
    news = sum(_is_news(known.get(webid), rate) for webid, rate in seen.items())
    if news <= _NOISE * len(seen) and seen.keys() <= known.keys():
        return False
    merged = {**known, **seen}
    table.replace_all(
        pa.table(
            [
                pa.array(list(merged), pa.string()),
                pa.array([rate * DAY for rate in merged.values()], pa.float64()),
                pa.array([run_id] * len(merged), pa.string()),
            ],
            schema=PI_TAG_DENSITY.arrow_schema,
        )
    )
    return True


def _is_news(known: float | None, seen: float) -> bool:
    if known is None:
        return True
    low, high = sorted((known, seen))
    return high > _NEWS * low + 1 / DAY


def sample_of(webids: Sequence[str], count: int = SAMPLE) -> list[str]:
    """Some of ``webids``, evenly spread."""
    step = max(1, len(webids) // count)
    return list(webids[::step][:count])


def alike(rates: Mapping[str, float]) -> float | None:
    """The one rate to expect of all tags when those of a sample are alike, else None."""
    if not rates:
        return None
    values = sorted(rates.values())
    usual = median(values)
    nearly_all = values[int(len(values) * 0.98)]
    return usual if values[-1] <= _ALIKE * usual + 1 / DAY and nearly_all <= 2 * usual + 1 / DAY else None
