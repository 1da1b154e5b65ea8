"""Checks in the order in which they depend on one another; a failure skips what needs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from time import perf_counter

from pi_lakeflow.app.probes import dial, handshake, write_probe
from pi_lakeflow.app.source import Source, open_source, server_now
from pi_lakeflow.errors import AuthRefused, PiLakeflowError, Refused, SettingsError, SourceUnavailable
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.span import iso
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.settings import Selection, SelectorKind, Settings

_SKEW = 60_000_000  # microseconds of difference between clocks that are worth a word
_NEEDS_SERVER = (SelectorKind.NAME, SelectorKind.MASK, SelectorKind.ALL, SelectorKind.POINT_QUERY)


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
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0; 2 when the user must change something, 3 when it may pass by itself, else 1."""
        if self.error is None:
            return int(self.verdict is Verdict.FAILED)
        return self.error.exit_code if self.error.exit_code in (2, 3) else 1


class Doubt(str):
    """What a check says when it passed, but something should be looked at."""

    __slots__ = ()


class NotNow(Exception):
    """The check has nothing to look at."""


@dataclass(slots=True)
class _State:
    """What earlier checks leave to later ones."""

    load: Callable[[], Settings]
    stack: AsyncExitStack
    settings: Settings = field(init=False)
    source: Source = field(init=False)
    refused: AuthRefused | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    look: Callable[[_State], Awaitable[str]]
    needs: str | None = None


async def check(load: Callable[[], Settings]) -> AsyncIterator[Check]:
    """All checks, each as soon as it is done; never raises what a check is there to find.

    ``load`` gives the settings or raises ``SettingsError``: that is the first check.
    """
    done: dict[str, Check] = {}
    async with AsyncExitStack() as stack:
        state = _State(load, stack)
        for step in _STEPS:
            needed = done[step.needs] if step.needs else None
            if needed is not None and needed.verdict in (Verdict.FAILED, Verdict.SKIPPED):
                done[step.name] = Check(step.name, Verdict.SKIPPED, f"needs: {needed.name}")
            else:
                done[step.name] = await _looked(step, state)
            yield done[step.name]


async def _looked(step: _Step, state: _State) -> Check:
    started = perf_counter()
    try:
        detail = await step.look(state)
    except NotNow as reason:
        return Check(step.name, Verdict.SKIPPED, str(reason))
    except PiLakeflowError as error:
        return Check(step.name, Verdict.FAILED, error.message, error, perf_counter() - started)
    verdict = Verdict.WARN if isinstance(detail, Doubt) else Verdict.OK
    return Check(step.name, verdict, detail, seconds=perf_counter() - started)


async def _settings(state: _State) -> str:
    state.settings = settings = state.load()
    settings.auth.reveal()
    settings.lake.options()
    where = _nearby(settings.file) if settings.file else "flags and environment"
    if not settings.tags:
        return Doubt(f"{where}; no `tags` are chosen")
    return f"{where}; tags: {settings.tags}"


def _nearby(path: str) -> str:
    """Relative, for what is below the current folder."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


async def _network(state: _State) -> str:
    return await dial(state.settings)


async def _tls(state: _State) -> str:
    found = await handshake(state.settings)
    return Doubt(found.detail) if found.doubtful else found.detail


async def _answer(state: _State) -> str:
    retry = RetryPolicy(attempts=2, backoff=timedelta(milliseconds=200))
    state.source = await state.stack.enter_async_context(open_source(state.settings, retry=retry))
    try:
        await state.source.client.get("", {"selectedFields": "Links.Self"})
    except AuthRefused as error:
        state.refused = error  # so it is there: the next check says the rest
        return f"{state.settings.pi_web_api_url} answers, and asks who we are"
    return f"{state.settings.pi_web_api_url} answers"


async def _authentication(state: _State) -> str:
    if state.refused is not None:
        raise state.refused
    kind = state.settings.auth.type
    try:
        user = await state.source.client.transport.json("GET", "system/userinfo")
    except Refused:
        user = None
    name = user.get("Name") if isinstance(user, dict) else None
    return f"{kind}, as {name}" if name else kind


async def _version(state: _State) -> str:
    fields = {"selectedFields": "ProductTitle;ProductVersion"}
    try:
        told = await state.source.client.get("system", fields)
    except Refused as error:
        return Doubt(f"not told: {error.message}")
    return (
        " ".join(str(told[key]) for key in ("ProductTitle", "ProductVersion") if told.get(key)) or "not told"
    )


async def _data_server(state: _State) -> str:
    fields = "Items.Name;Items.IsConnected;Items.ServerVersion"
    answer = await state.source.client.get("dataservers", {"selectedFields": fields})
    servers = {str(item.get("Name")): item for item in answer.get("Items") or []}
    wanted = state.settings.data_server
    if not servers:
        raise SettingsError(
            "PI Web API shows this account no data server",
            subject="data server",
            hint="grant the account read access to the PI Data Archive, or a mapping",
        )
    if wanted is None and len(servers) > 1:
        names = ", ".join(sorted(servers))
        if any(each.kind in _NEEDS_SERVER and not each.server for each in state.settings.tags):
            raise SettingsError(
                f"there are {len(servers)}: {names}",
                subject="data_server",
                hint="name one under `data_server`",
            )
        return names
    name = next((each for each in servers if wanted is None or each.lower() == wanted.lower()), None)
    if name is None:
        raise SettingsError(
            f"no data server is called {wanted!r}",
            subject="data_server",
            hint=f"use one of: {', '.join(sorted(servers))}",
        )
    if servers[name].get("IsConnected") is False:
        raise SourceUnavailable(
            "PI Web API has no connection to it",
            subject=name,
            hint="check the PI Data Archive and its mapping in PI Web API",
        )
    return f"{name} {servers[name].get('ServerVersion') or ''}".rstrip()


async def _rate_limit(state: _State) -> str:
    performance = state.settings.performance
    rate = performance.rate_limit
    pace = f"{rate:g} per second" if rate else "no fixed pace (it gives way when the server slows down)"
    return f"at most {performance.max_in_flight} requests at once, {pace}"


async def _read(state: _State) -> str:
    if not state.settings.tags:
        raise NotNow("no `tags` are chosen")
    tag = await _first_tag(state)
    params = {"startTime": "*", "endTime": "*-30d", "maxCount": 1}  # backwards: the newest comes first
    fields = "Items.Timestamp;Items.Value;UnitsAbbreviation"
    path = f"streams/{tag.webid}/recorded"
    answer = await state.source.client.get(path, {**params, "selectedFields": fields})
    newest = next(iter(answer.get("Items") or []), None)
    if newest is None:
        return Doubt(f"{tag.name} has no event in the last 30 days")
    value = newest.get("Value")
    shown = value.get("Name") if isinstance(value, dict) else value
    units = answer.get("UnitsAbbreviation") or tag.units or ""
    return f"{tag.name} was {shown}{f' {units}' if units else ''} at {newest.get('Timestamp')}"


async def _first_tag(state: _State) -> Tag:
    first = Selection(state.settings.tags.selectors[:1])
    async for tag in state.source.catalog.walk(first):
        return tag
    raise Refused(f"no tag matches {first}", subject="tags", hint="look with pi-lakeflow discover")


async def _write(state: _State) -> str:
    return await write_probe(state.settings)


async def _clock(state: _State) -> str:
    before = SystemClock().now()
    server = await server_now(state.source.client)
    skew = server - (before + SystemClock().now()) // 2
    text = f"the server is {abs(skew) / 1e6:,.1f} s {'ahead of' if skew > 0 else 'behind'} this machine"
    if abs(skew) < _SKEW:
        return text
    return Doubt(f"{text} ({iso(server // 1_000_000 * 1_000_000)} there); runs go by the server's time")


_STEPS = (
    _Step("settings", _settings),
    _Step("network", _network, "settings"),
    _Step("TLS", _tls, "network"),
    _Step("PI Web API", _answer, "TLS"),
    _Step("authentication", _authentication, "PI Web API"),
    _Step("version", _version, "authentication"),
    _Step("data server", _data_server, "authentication"),
    _Step("rate limit", _rate_limit, "settings"),
    _Step("read a tag", _read, "data server"),
    _Step("write the lake", _write, "settings"),
    _Step("clock", _clock, "authentication"),
)
