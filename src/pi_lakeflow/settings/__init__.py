"""Typed settings, the origin of each value, secrets by reference.

settings = load()                       # pi-lakeflow.yaml found upward, environment, defaults
settings = load({"pi_web_api_url": "https://pi/piwebapi", "tags": ["SINUSOID"]})
settings.performance.max_workers        # 8
settings.auth.reveal()                  # for the historian only
"""

from pi_lakeflow.settings.durations import format_duration, parse_duration
from pi_lakeflow.settings.explain import Row, explain
from pi_lakeflow.settings.loading import load
from pi_lakeflow.settings.need import need
from pi_lakeflow.settings.reference import schema_doc
from pi_lakeflow.settings.schema import Alarms, Auth, Lake, LateData, Performance, Settings, Streaming, Tls
from pi_lakeflow.settings.secrets import Secret
from pi_lakeflow.settings.selection import Selection, Selector, SelectorKind, parse_selection
from pi_lakeflow.settings.template import render_template
from pi_lakeflow.settings.times import parse_time

__all__ = [
    "Alarms",
    "Auth",
    "Lake",
    "LateData",
    "Performance",
    "Row",
    "Secret",
    "Selection",
    "Selector",
    "SelectorKind",
    "Settings",
    "Streaming",
    "Tls",
    "explain",
    "format_duration",
    "load",
    "need",
    "parse_duration",
    "parse_selection",
    "parse_time",
    "render_template",
    "schema_doc",
]
