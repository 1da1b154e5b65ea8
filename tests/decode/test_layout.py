"""Bodies made to mislead the fast route: what only looks like the layout must not be read as it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from tests.decode import reference
from tests.decode.accelerated import decode_accelerated

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.recorded import decode_recorded
from pi_lakeflow.historians.pi.decode.speculative import decode_speculative
from pi_lakeflow.historians.pi.decode.typed import Misfit

TIME = "2024-01-01T00:00:00.5Z"
FLAGS = ',"Good":true,"Questionable":false,"Substituted":false,"Annotated":false}'


def event(token: str = "1.5", *, time: str = TIME, flags: str = FLAGS) -> str:
    return f'{{"Timestamp":"{time}","Value":{token}{flags}'


def body_of(*streams: str) -> bytes:
    return f'{{"Items":[{",".join(streams)}]}}'.encode()


def stream(*events: str, before: str = "", after: str = "") -> str:
    return f'{{"WebId":"W"{before},"Items":[{",".join(events)}]{after}}}'


def fast(body: bytes) -> tuple[object, object]:
    return reference.plain(decode_speculative(body, {}, smallest=0, fewest=1))


def accelerated(body: bytes) -> tuple[object, object]:
    return reference.plain(decode_accelerated(body, {}))


MISLEADING = {
    "a number among the events": body_of(stream("0", event())),
    "a number where events could be": body_of(stream(event()), '{"WebId":"V","Items":[0]}'),
    "a number instead of events": body_of('{"WebId":"V","Items":[1]}', stream(event())),
    "events of an unknown member": body_of(stream(event(), before=f',"Extra":[{event()}]')),
    "events of a repeated member": body_of(stream(event(), after=f',"Items":[{event()},{event()}]')),
    "events deeper down": body_of(stream(event(), before=f',"Links":{{"Items":[{event()}]}}')),
    "events at the top": f'{{"Links":[{event()}],"Items":[{stream(event())}]}}'.encode(),
    "an event in an event": body_of(stream(event(f"[{event()}]"), event())),
    "an event as a value": body_of(stream(event(event()), event())),
    "another event between": body_of(
        stream(event(), '{"Value":1,"Timestamp":"2024-01-01T00:00:00Z"}', event())
    ),
    "a repeated key in an event": body_of(stream(event(flags=',"Value":2' + FLAGS), event())),
    "a repeated key in all events": body_of(stream(*[event(flags=FLAGS[:-1] + ',"Good":false}')] * 3)),
    "an unknown key in all events": body_of(stream(*[event(flags=FLAGS[:-1] + ',"Uncertain":false}')] * 3)),
    "errors in an event": body_of(stream(event(), event(flags=FLAGS[:-1] + ',"Errors":["x"]}'))),
    "errors of no event": body_of(stream(event(), event(flags=FLAGS[:-1] + ',"Errors":null}'))),
    "errors in a value": body_of(stream(event('{"Errors":["x"]}'), event())),
    "a flag that is no flag": body_of(stream(event(flags=',"Good":1}'), event())),
    "an array": body_of(stream(event("[1]"), event())),
    "a number beyond the doubles": body_of(stream(event("1E400"), event())),
    "a late year": body_of(stream(event(time="9999-12-31T23:59:59Z"), event())),
    "a year that older Arrow wraps": body_of(stream(event(time="2300-12-31T23:59:59Z"), event())),
    "an early year": body_of(stream(event(time="1066-10-14T09:00:00Z"), event())),
    "an offset": body_of(stream(event(time="2024-01-01T00:00:00+02:00"), event())),
    "eight digits of a second": body_of(stream(event(time="2024-01-01T00:00:00.12345678Z"), event())),
    "no zone": body_of(stream(event(time="2024-01-01T00:00:00"), event())),
    "a day that is none": body_of(stream(event(time="2024-02-30T00:00:00Z"), event())),
    "a stream without Items": body_of('{"WebId":"V"}', stream(event())),
}


@pytest.mark.parametrize("body", MISLEADING.values(), ids=MISLEADING.keys())
def test_misleading_bodies_are_read_right_or_not_at_all(body: bytes) -> None:
    expected = reference.read(body, {})
    assert reference.same(reference.plain(decode_recorded(body, {})), expected)
    for route in (fast, accelerated):
        with suppress(Misfit):
            assert reference.same(route(body), expected)


NO_TOKENS = [
    "10.",
    ".5",
    "048.4",
    "00",
    "-01",
    "1.e5",
    "-.5",
    "+1",
    "1e",
    "1e+",
    "-",
    "--1",
    "0x10",
    "1_0",
    "1.5.2",
    "nan",
    "inf",
    "-inf",
    "-nan",
    "nul",
    "tru",
    "trues",
    "'a'",
    "1f",
    "1d",
    "1,2",
    "}",
    "]",
    '"a""b"',
    '{"Name":"a"',
    '{"Name":"a"}}',
    "[1",
    "1]",
    "\\",
]
BROKEN = {
    "no comma between events": body_of(stream(event() + event())),
    "two commas": body_of(stream(event(), "", event())),
    "a comma behind the last event": body_of(stream(event(), "")),
    "a semicolon between events": body_of(stream(event() + ";" + event())),
    "a brace too many": body_of(stream(event() + "}", event())),
    "no end": body_of(stream(event()))[:-3],
    "something behind the end": body_of(stream(event())) + b"]",
    "a line break in a text": body_of(stream(event('"a\nb"'), event())),
    "a text that does not end": body_of(stream(event('"a'), event())),
    "two values": body_of(stream(event('"a","b"'), event())),
    "bytes that are no UTF-8": body_of(stream(event('"a"'), event())).replace(b'"a"', b'"\xff"'),
    **{
        f"the token {token}": body_of(stream(event(token), event()))
        for token in [*NO_TOKENS, "", "1 2", "\x00"]
    },
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_broken_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(reference.Unreadable):
        reference.read(body, {})
    for route in (fast, accelerated):
        with pytest.raises(Misfit):
            route(body)
    with pytest.raises(Transient, match="not valid JSON"):
        decode_recorded(body, {})


USUAL = {
    "mixed": body_of(stream(event(), event('{"Name":"On","Value":1,"IsSystem":false}'), event('"x"'))),
    "single events": body_of(*[stream(event())] * 9),
    "no flags": body_of(stream(event(flags="}"), event("-0", flags="}"), event("12", flags="}"))),
    "units": body_of(stream(event(flags=',"UnitsAbbreviation":"m.e"' + FLAGS), event("1e5"))),
    "empty streams": body_of('{"WebId":"V","Items":[]}', stream(event("null")), '{"WebId":"V","Items":null}'),
    "failed streams": body_of('{"WebId":"V","Errors":["No."]}', stream(event(), after=',"Errors":["No."]')),
}


@pytest.mark.parametrize("body", USUAL.values(), ids=USUAL.keys())
def test_usual_bodies_take_the_fast_routes(body: bytes) -> None:
    for route in (fast, accelerated):
        assert reference.same(route(body), reference.read(body, {}))
