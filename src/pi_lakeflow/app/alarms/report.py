"""The alarm report as a web page of one file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from jinja2 import Environment, PackageLoader, StrictUndefined

from pi_lakeflow.app.alarms.performance import Performance, period
from pi_lakeflow.historians.pi.decode.frames import SEVERITIES


def html(found: Sequence[Performance], *, title: str, operators: int) -> str:
    """The page; whatever the source calls its alarms is escaped."""
    pages = Environment(
        loader=PackageLoader("pi_lakeflow.app.alarms"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("report.html.j2").render(
        title=title,
        operators=operators,
        databases=found,
        period=period,
        number=number,
        moment=_moment,
        minutes=_minutes,
        severities=SEVERITIES,
        version=version("pi-lakeflow"),
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def number(value: float) -> str:
    """As many digits as a reader needs."""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.2f}"


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def _minutes(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / 60:,.1f} min"
