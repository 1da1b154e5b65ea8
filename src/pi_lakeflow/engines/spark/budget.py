"""One server, many tasks: each gets its part of the requests, and the parts never exceed the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pi_lakeflow.flow.gate import Budget
from pi_lakeflow.settings import Secret, Selection, Settings


def most_tasks(settings: Settings, wanted: int) -> int:
    """``wanted`` tasks, or fewer when there are not as many requests to share."""
    return min(wanted, settings.performance.max_in_flight)


def share_of(settings: Settings, tasks: int, index: int) -> Settings:
    """The settings of task ``index`` of ``tasks``, ready to be sent to another machine."""
    performance = settings.performance
    part = Budget(performance.max_in_flight, performance.rate_limit).share(tasks, index)
    smaller = replace(
        performance,
        max_workers=part.max_in_flight,
        rate_limit=part.rate_per_second,
        connection_pool_size=None,
    )
    return replace(carried(settings), performance=smaller, tags=Selection())


def carried(settings: Settings) -> Settings:
    """The settings with all secrets looked up, here on the driver: an executor has neither its
    environment nor its files."""
    auth, lake = settings.auth, settings.lake
    secrets: dict[str, Any] = {
        name: _plain(value) for name in auth.__slots__ if isinstance(value := getattr(auth, name), Secret)
    }
    storage = {name: _plain(secret) for name, secret in (lake.storage_options or {}).items()}
    return replace(
        settings,
        auth=replace(auth, **secrets),
        lake=replace(lake, storage_options=storage or None),
        proxy=_plain(settings.proxy) if settings.proxy else None,
        origins={},
        warnings=(),
        searched="",
    )


def _plain(secret: Secret) -> Secret:
    return Secret("plain", secret.reveal(), origin=secret.origin)
