"""Opens what the settings describe: the way to the historian, and the lake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pi_lakeflow.errors import Refused, SettingsError
from pi_lakeflow.flow.retry import RetryPolicy
from pi_lakeflow.historians.pi.catalog import Catalog
from pi_lakeflow.historians.pi.wire.client import AsyncPIWebAPIClient
from pi_lakeflow.historians.pi.wire.connection import Connection
from pi_lakeflow.model.clock import Clock, SystemClock
from pi_lakeflow.model.events import Observer, ignore
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.settings.schema import Settings, Tls
from pi_lakeflow.sinks.delta import DeltaLake


@dataclass(frozen=True, slots=True)
class Source:
    """An open historian. ``clock`` is the server's, as far as it tells."""

    client: AsyncPIWebAPIClient
    catalog: Catalog


@asynccontextmanager
async def open_source(
    settings: Settings, observer: Observer = ignore, *, retry: RetryPolicy | None = None
) -> AsyncIterator[Source]:
    """The PI Web API of the settings, closed at the end. ``retry`` instead of the configured one."""
    performance = settings.performance
    client = AsyncPIWebAPIClient(
        settings.pi_web_api_url,
        settings.auth.reveal(),
        connection=connection_of(settings),
        max_in_flight=performance.max_in_flight,
        rate_per_second=performance.rate_limit,
        retry=retry or RetryPolicy(backoff=performance.retry_backoff),
        observer=observer,
    )
    async with client:
        yield Source(client, Catalog(client, settings.data_server))


def open_lake(settings: Settings, schema: str | None = None) -> DeltaLake:
    """The lake of the settings; ``schema`` other than the configured one for live tables.

    Raises ``SettingsError`` when the kind of lake needs a package that is not installed.
    """
    return _kind_of_lake(settings.lake.path)(
        settings.lake.path,
        settings.catalog,
        schema or settings.schema,
        storage_options=settings.lake.options(),
    )


def _kind_of_lake(path: str) -> type[DeltaLake]:
    if not path.startswith("uc://"):
        return DeltaLake
    try:
        from pi_lakeflow.sinks.unity import UnityLake
    except ModuleNotFoundError as error:
        raise SettingsError(
            "Unity Catalog needs the package databricks-sdk",
            subject="lake",
            hint="pip install 'pi-lakeflow[databricks]'",
        ) from error
    return UnityLake


def connection_of(settings: Settings) -> Connection:
    """Connection settings, with secrets in clear: not for display."""
    return Connection(
        settings.pi_web_api_url,
        verify=_verify(settings.tls),
        client_cert=_client_cert(settings.tls),
        proxy=settings.proxy.reveal() if settings.proxy else None,
        read_timeout=settings.performance.read_timeout,
        pool_size=settings.performance.pool_size,
        compression=settings.performance.enable_compression,
    )


async def server_now(client: AsyncPIWebAPIClient, clock: Clock | None = None) -> int:
    """The historian's time in microseconds: its archive decides what is past, not our clock.

    Tried in turn: the data servers' ``ServerTime`` (2018 and later), ``/system/status``, our clock.
    """
    answer = await _if_allowed(client, "dataservers", "Items.ServerTime")
    times = [_moment(item.get("ServerTime")) for item in answer.get("Items") or []]
    known = [micros for micros in times if micros is not None]
    if not known:
        status = await _if_allowed(client, "system/status", "ServerTime")
        told = _moment(status.get("ServerTime"))
        known = [told] if told is not None else []
    return min(known) if known else (clock or SystemClock()).now()


async def _if_allowed(client: AsyncPIWebAPIClient, path: str, fields: str) -> Mapping[str, Any]:
    """The answer, or nothing when the account may not read the route."""
    try:
        return await client.get(path, {"selectedFields": fields})
    except Refused:
        return {}


def _moment(text: Any) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return to_micros(moment) if moment.tzinfo is not None and moment.year > 1970 else None


def _verify(tls: Tls) -> bool | str:
    return tls.ca_bundle if tls.verify and tls.ca_bundle else tls.verify


def _client_cert(tls: Tls) -> str | tuple[str, str] | None:
    if tls.client_cert and tls.client_key:
        return tls.client_cert, tls.client_key
    return tls.client_cert
