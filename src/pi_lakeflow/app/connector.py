"""The whole product behind one class, for Python and notebooks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pi_lakeflow import aio
from pi_lakeflow.app.ingest import Report, Request, ingest
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.model.work import TagFailure
from pi_lakeflow.settings import Settings, load, parse_selection
from pi_lakeflow.sinks.memory import MemoryLake


class PILakeflowConnector:
    """``config`` is a dict with the keys of the configuration file, a path to one, or ``Settings``.

    Works in scripts and in notebooks (where an event loop runs already). Raises
    ``SettingsError`` for a configuration that cannot be used.
    """

    def __init__(self, config: Mapping[str, Any] | Settings | str | os.PathLike[str]) -> None:
        if isinstance(config, Settings):
            self.settings = config
        elif isinstance(config, Mapping):
            self.settings = load(config)
        else:
            self.settings = load(path=config)
        self.failures: list[TagFailure] = []

    def run(self) -> Report:
        """Bring each tag up to date in the lake; what could not be read is in the report.

        Raises ``SourceUnavailable`` and ``SinkUnavailable`` (nothing committed is lost).
        """
        report = aio.run(ingest(self.settings, Request("run")))
        self.failures = [each.failure for each in report.quarantined]
        return report

    def extract_timeseries_batch(self, tags: Sequence[str]) -> pa.Table:
        """Rows of ``pi_timeseries`` for ``tags`` over the configured span, written nowhere.

        Tags that cannot be read are in ``failures`` afterwards; the table holds the others.
        """
        lake = MemoryLake()
        request = Request("extract", parse_selection(list(tags)))
        report = aio.run(ingest(self.settings, request, lake=lake))
        self.failures = [each.failure for each in report.quarantined]
        return lake.table(PI_TIMESERIES).read()
