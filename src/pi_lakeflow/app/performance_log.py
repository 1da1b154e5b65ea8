"""Details of each request, batch and commit for ``logging.basicConfig(level=logging.DEBUG)``.

The logger is ``pi_lakeflow.performance``. Lines name paths, never queries or credentials.
"""

from __future__ import annotations

import logging

from pi_lakeflow.model.events import (
    BatchDecoded,
    Committed,
    Event,
    LimitChanged,
    Observer,
    RequestDone,
    RequestRetried,
    RunPlanned,
    UnitRead,
    Waited,
)

log = logging.getLogger("pi_lakeflow.performance")
_WORTH_A_LINE = 0.1  # seconds: shorter waits are many and say little


def logged(then: Observer) -> Observer:
    """``then``, and a line for each event while the logger takes DEBUG."""

    def observe(event: Event) -> None:
        if log.isEnabledFor(logging.DEBUG):
            _log(event)
        then(event)

    return observe


def _log(event: Event) -> None:
    if isinstance(event, RequestDone):
        log.debug(
            "request %s: %d in %.3f s, first byte after %.3f s, %d bytes for %d of JSON",
            event.path,
            event.status,
            event.seconds,
            event.first_byte_seconds,
            event.wire_bytes,
            event.body_bytes,
        )
    elif isinstance(event, BatchDecoded):
        text = "decoded %d rows of %d bytes in %.3f s after %.3f s in the queue"
        log.debug(text, event.rows, event.body_bytes, event.seconds, event.queued_seconds)
    elif isinstance(event, UnitRead):
        pace = event.rows / event.seconds if event.seconds else 0.0
        text = "batch of %d tags: %d rows in %.3f s (%.0f rows/s)"
        log.debug(text, event.tags, event.rows, event.seconds, pace)
    elif isinstance(event, Committed):
        log.debug("committed %d rows as version %d in %.3f s", event.rows, event.version, event.seconds)
    elif isinstance(event, LimitChanged):
        text = "limit %.1f requests at once, %d under way (%s)"
        log.debug(text, event.limit, event.in_flight, event.reason)
    elif isinstance(event, RequestRetried):
        text = "attempt %d of %s failed, next in %.2f s: %s"
        log.debug(text, event.attempt, event.path, event.wait_seconds, event.reason)
    elif isinstance(event, RunPlanned):
        log.debug("run %s: %d tags in %d lanes", event.run_id, event.tags, event.lanes)
    elif isinstance(event, Waited) and event.seconds >= _WORTH_A_LINE:
        log.debug("waited %.3f s (%s)", event.seconds, event.reason)
