"""The route registry: one module of ``routes`` for each family, found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Union
from urllib.parse import unquote

from .call import Call
from .errors import PipelineError
from .reply import Reply
from .versions import introduced

if TYPE_CHECKING:
    from aiohttp import web

Answer = Union[Reply, "web.StreamResponse"]
Handler = Callable[[Call], Awaitable[Answer]]


class Router:
    """Patterns such as ``/streams/{webId}/recorded``. Fixed segments win over ``{...}``; case is ignored."""

    def __init__(self) -> None:
        # By number of segments and first segment, which is fixed in all patterns
        self._routes: dict[tuple[int, str], list[tuple[tuple[str, ...], str, dict[str, Handler]]]] = {}

    def get(self, pattern: str) -> Callable[[Handler], Handler]:
        return self.on("GET", pattern)

    def post(self, pattern: str) -> Callable[[Handler], Handler]:
        return self.on("POST", pattern)

    def on(self, method: str, pattern: str) -> Callable[[Handler], Handler]:
        """Decorate a handler: ``async def handler(call: Call) -> Reply``.

        A handler may return a response of its own (a WebSocket) when ``call.raw`` is not None.
        """

        def register(handler: Handler) -> Handler:
            self.add(method, pattern, handler)
            return handler

        return register

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        segments = _split(pattern)
        shape = tuple("" if s.startswith("{") else s.casefold() for s in segments)
        group = self._routes.setdefault((len(segments), "".join(shape[:1])), [])
        for known, _, handlers in group:
            if known == shape:
                if method in handlers:
                    raise ValueError(f"{method} {pattern} is registered twice")
                handlers[method] = handler
                return
        group.append((shape, pattern, {method: handler}))
        group.sort(key=lambda entry: [s == "" for s in entry[0]])

    def patterns(self) -> list[tuple[str, str]]:
        """Method and pattern of everything that is registered, sorted by pattern."""
        entries = (entry for group in self._routes.values() for entry in group)
        found = [(method, pattern) for _, pattern, handlers in entries for method in handlers]
        return sorted(found, key=lambda entry: (entry[1], entry[0]))

    def resolve(self, call: Call) -> tuple[Handler, Call]:
        """The handler and the call with its path parameters, or :class:`PipelineError`."""
        segments = [unquote(segment) for segment in _split(call.path)]
        folded = [s.casefold() for s in segments]
        for shape, pattern, handlers in self._routes.get((len(segments), "".join(folded[:1])), ()):
            fits = all(want in ("", got) for want, got in zip(shape, folded, strict=True))
            if fits and call.sim.since(*introduced(pattern)):
                handler = handlers.get(call.method)
                if handler is None:
                    text = f"The requested resource does not support http method '{call.method}'."
                    raise PipelineError(405, text)
                names = (s[1:-1] for s in _split(pattern))
                match = {n: got for n, got, want in zip(names, segments, shape, strict=True) if not want}
                return handler, replace(call, match=match, route=f"{call.method} {pattern}")
        raise PipelineError(
            404, f"No HTTP resource was found that matches the request URI '{call.base}{call.path}'."
        )


def discover() -> Router:
    """A router with all families: each module of ``routes`` has ``register(router)``."""
    from . import routes

    router = Router()
    for module in sorted(m.name for m in pkgutil.iter_modules(routes.__path__)):
        importlib.import_module(f"{routes.__name__}.{module}").register(router)
    return router


def _split(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]
