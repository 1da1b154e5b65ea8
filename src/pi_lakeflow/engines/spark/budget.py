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
    """The settings of task ``index`` of ``tasks``, ready to be sent to another machine.

    Secrets are looked up here, on the driver: an executor has neither its environment nor its files.
    """
    performance = settings.performance
    part = Budget(performance.max_in_flight, performance.rate_limit).share(tasks, index)
    smaller = replace(
        performance,
        max_workers=part.max_in_flight,
        rate_limit=part.rate_per_second,
        connection_pool_size=None,
    )
    auth = settings.auth
    secrets: dict[str, Any] = {
        name: _plain(value) for name in auth.__slots__ if isinstance(value := getattr(auth, name), Secret)
    }
    return replace(
        settings,
        performance=smaller,
        auth=replace(auth, **secrets),
        proxy=_plain(settings.proxy) if settings.proxy else None,
        tags=Selection(),
        origins={},
        warnings=(),
        searched="",
    )


def _plain(secret: Secret) -> Secret:
    return Secret("plain", secret.reveal(), origin=secret.origin)
