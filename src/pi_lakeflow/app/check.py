"""Checks in the order in which they depend on one another; the first failure stops what needs it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from pi_lakeflow.app.source import Source, open_lake, open_source, server_now
from pi_lakeflow.errors import AuthRefused, PiLakeflowError, Refused, TlsRefused
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.tables import Column, Grain, TableSpec
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.settings import Settings
from pi_lakeflow.settings.selection import Selection

_PROBE = TableSpec(
    name="pi_lakeflow_probe",
    doc="Written and removed by `check`.",
    grain=Grain.LOG,
    key=("probe",),
    columns=(Column("probe", pa.string(), "Nothing."),),
)
_SAMPLE = 5  # tags that are looked up
_SKEW = 60_000_000  # microseconds of difference between clocks that are worth a word


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One line. ``error`` is what failed."""

    name: str
    verdict: Verdict
    detail: str
    error: PiLakeflowError | None = None


async def check(settings: Settings) -> AsyncIterator[Check]:
    """All checks; never raises what a check is there to find."""
    source_of = settings.file or "the given settings"
    yield Check("settings", Verdict.OK, f"{source_of}, {len(settings.tags)} entries under tags")
    try:
        async with open_source(settings) as source:
            async for each in _server(settings, source):
                yield each
    except PiLakeflowError as error:
        yield Check("connection", Verdict.FAILED, str(error), error)
    yield _sink(settings)


async def _server(settings: Settings, source: Source) -> AsyncIterator[Check]:
    names = [
        "connection",
        "TLS",
        "authentication",
        "version",
        "data server",
        "clock",
        "rate limit",
        "read a tag",
    ]
    try:
        await source.client.get("")
        system = await source.client.get("system", {"selectedFields": "ProductTitle;ProductVersion"})
    except PiLakeflowError as error:
        at = 1 if isinstance(error, TlsRefused) else 2 if isinstance(error, AuthRefused) else 0
        for name in names[:at]:
            yield Check(name, Verdict.OK, "")
        yield Check(names[at], Verdict.FAILED, str(error), error)
        for name in names[at + 1 :]:
            yield Check(name, Verdict.SKIPPED, f"needs {names[at]}")
        return
    yield Check("connection", Verdict.OK, settings.pi_web_api_url)
    yield _tls(settings)
    yield Check("authentication", Verdict.OK, settings.auth.type)
    yield Check(
        "version", Verdict.OK, f"{system.get('ProductTitle', '?')} {system.get('ProductVersion', '?')}"
    )
    servers = await source.catalog.data_servers()
    verdict = Verdict.OK if servers else Verdict.FAILED
    yield Check("data server", verdict, ", ".join(sorted(servers)) or "the account sees no data server")
    yield await _clock(source)
    yield Check("rate limit", Verdict.OK, _budget(settings))
    yield await _read(settings, source)


def _tls(settings: Settings) -> Check:
    if not settings.pi_web_api_url.lower().startswith("https:"):
        return Check("TLS", Verdict.WARN, "http: everything travels unencrypted")
    if not settings.tls.verify:
        return Check("TLS", Verdict.WARN, "the certificate is not verified (tls.verify: false)")
    return Check("TLS", Verdict.OK, settings.tls.ca_bundle or "verified by the system's authorities")


async def _clock(source: Source) -> Check:
    skew = await server_now(source.client) - SystemClock().now()
    verdict = Verdict.OK if abs(skew) < _SKEW else Verdict.WARN
    return Check(
        "clock", verdict, f"the server is {abs(skew) / 1e6:,.1f} s {'ahead' if skew > 0 else 'behind'}"
    )


def _budget(settings: Settings) -> str:
    performance = settings.performance
    rate = f"{performance.rate_limit:g} requests/s" if performance.rate_limit else "no rate limit"
    return f"at most {performance.max_in_flight} requests at once, {rate}"


async def _read(settings: Settings, source: Source) -> Check:
    if not settings.tags:
        return Check("read a tag", Verdict.SKIPPED, "no tags are chosen")
    try:
        tag = await _first_tag(settings, source)
        answer = await source.client.get(
            f"streams/{tag.webid}/recorded", {"startTime": "*-1d", "maxCount": 10}
        )
    except PiLakeflowError as error:
        return Check("read a tag", Verdict.FAILED, str(error), error)
    return Check(
        "read a tag", Verdict.OK, f"{tag.name}: {len(answer.get('Items') or [])} events in the last day"
    )


async def _first_tag(settings: Settings, source: Source) -> Tag:
    sample = Selection(settings.tags.selectors[:_SAMPLE])
    async for tag in source.catalog.walk(sample):
        return tag
    raise Refused(f"no tag is found: {sample}", subject="tags", hint="look with `pi-lakeflow discover`")


def _sink(settings: Settings) -> Check:
    try:
        lake = open_lake(settings)
        table = lake.table(_PROBE)
        table.replace_all(pa.table({"probe": ["ok"]}, schema=_PROBE.arrow_schema))
        if "://" not in table.path:
            shutil.rmtree(table.path)
    except PiLakeflowError as error:
        return Check("write the lake", Verdict.FAILED, str(error), error)
    return Check("write the lake", Verdict.OK, lake.path_of(""))
