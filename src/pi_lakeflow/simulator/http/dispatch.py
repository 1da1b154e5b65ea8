"""From a call to a reply: routing, and every error as the server words it."""

from __future__ import annotations

import logging

from . import errors
from .call import Call
from .reply import Reply, errors_reply, message_reply
from .router import Answer

log = logging.getLogger("pi_lakeflow.simulator")


async def dispatch(call: Call) -> tuple[Answer, str]:
    """The answer and the pattern of its route. Errors of routes become replies here."""
    route = ""
    try:
        handler, call = call.sim.router.resolve(call)
        route = call.route
        return await handler(call), route
    except errors.ApiError as error:
        return errors_reply(error.status, error.bodies(debug=call.sim.config.debug_mode)), route
    except errors.PipelineError as error:
        return message_reply(error.status, error.message), route
    except Exception as error:  # a bug of the simulator: the client sees a 500, the test log the cause
        log.exception("%s %s failed", call.method, call.path)
        return _failure(error), route


def _failure(error: Exception) -> Reply:
    text = "An error occurred while processing the request."
    return errors_reply(500, errors.ApiError(500, f"{text} ({error!r})", generic=True).bodies(debug=False))
