"""``/streamsets``: several streams in one call, ad hoc or of an element."""

from __future__ import annotations

from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.envelopes import entries_of, list_set, value_set
from pi_lakeflow.simulator.http.interpolate import value_at
from pi_lakeflow.simulator.http.recorded import RecordedQuery, read_recorded, recorded_query
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Handler, Router
from pi_lakeflow.simulator.http.streams import Entry, Stream, entry_of, stream_of
from pi_lakeflow.simulator.http.summaries import summaries
from pi_lakeflow.simulator.http.values import Text, ValueStyle, value_style
from pi_lakeflow.simulator.world.events import concat

from .streams import MANY, ONE


def register(router: Router) -> None:
    _both(router, "recorded", recorded)
    _both(router, "summary", summary)
    for name in ONE:
        _both(router, name, _one(name))
    for name in MANY:
        _both(router, name, _many(name))
    router.get("/streamsets/joined")(joined)


def _both(router: Router, name: str, handler: Handler) -> None:
    router.get(f"/streamsets/{name}")(handler)
    router.get(f"/streamsets/{{webId}}/{name}")(handler)


def _style(call: Call) -> ValueStyle:
    return value_style(call.fields, ("items", "items"), annotated=call.sim.annotated)


async def recorded(call: Call) -> Reply:
    """Rows of each stream, ``maxCount`` of each."""
    entries, style = entries_of(call), _style(call)
    common = recorded_query(call)

    def read(stream: Stream) -> Text:
        query = common if stream.default_range is None else recorded_query(call, stream)
        return call.sim.text.recorded(stream, query, style)

    return await call.in_thread(lambda: list_set(call, entries, style, read))


async def summary(call: Call) -> Reply:
    """Statistics of each stream."""
    entries = entries_of(call)
    return await call.in_thread(lambda: value_set(call, entries, lambda s: summaries(call, s), key="Items"))


async def joined(call: Call) -> Reply:
    """The base stream as recorded, then the others interpolated at its times."""
    base = stream_of(call, call.required("baseWebId"))
    call.required("subordinateWebId")
    others = [entry_of(call, text) for text in call.texts("subordinateWebId")]
    query, style = recorded_query(call, base), _style(call)
    return await call.in_thread(lambda: _joined(call, [Entry(base), *others], query, style))


def _joined(call: Call, entries: list[Entry], query: RecordedQuery, style: ValueStyle) -> Reply:
    base = entries[0].stream
    events = read_recorded(base, query)
    moments = events.ticks.tolist()

    def read(stream: Stream) -> Text:
        own = events if stream is base else concat([value_at(stream, moment) for moment in moments])
        return call.sim.text.rows(stream, own, style)

    return list_set(call, entries, style, read)


def _one(name: str) -> Handler:
    read = ONE[name]

    async def handler(call: Call) -> Reply:
        entries = entries_of(call)

        def value(stream: Stream) -> object:
            return call.sim.text.dicts(stream, read(call, stream))[0]

        return await call.in_thread(lambda: value_set(call, entries, value, key="Value"))

    return handler


def _many(name: str) -> Handler:
    read = MANY[name]

    async def handler(call: Call) -> Reply:
        entries, style = entries_of(call), _style(call)

        def text(stream: Stream) -> Text:
            return call.sim.text.rows(stream, read(call, stream), style)

        return await call.in_thread(lambda: list_set(call, entries, style, text))

    return handler
