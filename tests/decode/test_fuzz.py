"""Bodies with random damage: the routes agree on what they read, and none of them reads what is broken.

``PI_LAKEFLOW_FUZZ`` is the number of damaged bodies (2,000 unless set), ``PI_LAKEFLOW_FUZZ_SEED``
where they start.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Mapping

from tests.decode import reference
from tests.decode.accelerated import decode_accelerated

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.lenient import decode_lenient
from pi_lakeflow.historians.pi.decode.recorded import RecordedPage, StreamMeta, decode_recorded
from pi_lakeflow.historians.pi.decode.speculative import decode_speculative
from pi_lakeflow.historians.pi.decode.typed import Misfit, decode_typed

POINT_TYPES = {"W1": "Float64", "W2": "String", "W3": "Timestamp", "W4": "Digital"}
META = {webid: StreamMeta(point_type) for webid, point_type in POINT_TYPES.items()}

# What a mutation may put in: the letters of the layout, and whole tokens of it.
PIECES = [
    *(bytes([letter]) for letter in b'{}[],:"\\ \n\t0123456789.-+eEtfnZ\x00\xff\xc3'),
    *rb"""\" \u00e9 \ud800 null true false NaN Infinity -0 10. .5 048.4 +1 1e5 1.e5 1E400 -inf nan 0x1
    9007199254740993 2024-02-30 9999 +02:00 .1234567 T24 0.10000000000000000000000001 -1.e-5 00 -01
    "Value": "Good":false ,"Good":true "Timestamp":"2024-01-01T00:00:00Z" "Errors":["x"] "WebId":"W9"
    "Items":[ {"Timestamp":" ","Value": },{ }] }, [0] [1] {"Name":"S","Value":1} "WebException":{}
    {"Errors":["x"]} {} [] "" "NaN" "a\\" "9999-12-31T23:59:59Z" "2024-01-01T00:00:00+02:00" """.split(),
]
ROUTES = {
    "accelerated": decode_accelerated,
    "typed": decode_typed,
    "lenient": decode_lenient,
    "public": decode_recorded,
}
LETTERS = b'{}[],:"\\ \n\x000123456789.-+eEZTtfn/;@\x7f\x80\xc3\xff'
DIGIT = re.compile(rb"[\d.eE+-]")
EVENT = re.compile(rb'\{"Timestamp":.*?(?:true|false)\}(?=[,\]])')
TOKEN = re.compile(rb'(?<=[:\[])(?:-?[\d.]+(?:[eE][+-]?\d+)?|"[^"]*"|true|false|null|\{[^{}\[\]]*\})')


def usual_body(rng: random.Random) -> bytes:
    """A compact body of one to four streams with all kinds of values."""
    streams = []
    full, annotated, units = rng.random() < 0.4, rng.random() < 0.7, rng.choice(["", "degC"])
    for webid in rng.sample(sorted(POINT_TYPES), rng.randint(1, 4)):
        events = ",".join(
            event(rng, full=full, annotated=annotated, units=units) for _ in range(rng.randint(0, 9))
        )
        about = f',"Name":"a","Links":{{"Source":"https://x/{webid}"}}' if full else ""
        streams.append(f'{{"WebId":"{webid}"{about},"Items":[{events}],"UnitsAbbreviation":"{units}"}}')
    return f'{{"Links":{{}},"Items":[{",".join(streams)}]}}'.encode()


def event(rng: random.Random, *, full: bool, annotated: bool, units: str) -> str:
    fraction = f".{rng.randrange(10**7):07}".rstrip("0").rstrip(".") if rng.random() < 0.8 else ""
    time = f"2024-02-{rng.randint(1, 28):02}T{rng.randrange(24):02}:00:{rng.randrange(60):02}{fraction}Z"
    value = rng.choice(
        [
            repr(rng.uniform(-500, 500)),
            f"{rng.uniform(-500, 500):.7g}",
            str(rng.randint(-9, 9)),
            f"{rng.uniform(-1, 1):.2E}",
            str(rng.randint(2**53 - 2, 2**53 + 2)),
            '"text \\" \\u00e9 }]"',
            '"NaN"',
            '{"Name":"Open","Value":1,"IsSystem":false}',
            '{"Name":"I/O Timeout","Value":246,"IsSystem":true}',
            "true",
            "null",
        ]
    )
    good = "true" if rng.random() < 0.9 else "false"
    unit = f'"UnitsAbbreviation":"{units}",' if full else ""
    last = ',"Annotated":false' if annotated else ""
    flags = f'"Good":{good},"Questionable":false,"Substituted":false{last}'
    return f'{{"Timestamp":"{time}","Value":{value},{unit}{flags}}}'


def damaged(rng: random.Random, body: bytes) -> bytes:
    """``body`` with one to three changes: most of them break it, some leave it an answer."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        what = rng.choice([DIGIT, EVENT, TOKEN, TOKEN, None, None])
        places = list(what.finditer(body)) if what else []
        if places:
            place, other = rng.choice(places), rng.choice(places)
            new = other[0] if what is not TOKEN or rng.random() < 0.3 else rng.choice(PIECES)
            body = body[: place.start()] + new + body[place.end() :]
        else:
            body = cut_and_pasted(rng, body)
    return body


def cut_and_pasted(rng: random.Random, body: bytes) -> bytes:
    """A few bytes anywhere replaced by a piece, or by others of the body."""
    start, other = rng.randrange(len(body) + 1), rng.randrange(len(body) + 1)
    end = min(len(body), start + rng.choice([0, 0, 1, 1, 1, 2, 3, 5, 10, 40, 150]))
    own = body[other : other + rng.randint(1, 60)]
    return body[:start] + rng.choice([rng.choice(PIECES), rng.choice(PIECES), b"", own]) + body[end:] or b"{"


def outcome(route: str, body: bytes) -> RecordedPage | str:
    """The page that ``route`` reads, "misfit" or "refused"."""
    try:
        if route == "fast":
            return decode_speculative(body, META, smallest=0, fewest=1)
        return ROUTES[route](body, META)
    except Misfit:
        return "misfit"
    except Transient:
        return "refused"


def check(body: bytes) -> Mapping[str, RecordedPage | str]:
    """Decode by every route and compare. Returns what each made of it."""
    results = {route: outcome(route, body) for route in ("fast", *ROUTES)}
    public = results["public"]
    assert public != "misfit", body
    try:
        expected = reference.read(body, POINT_TYPES)
    except reference.Unreadable:
        # Only bytes that are no UTF-8 in a member that nobody reads may pass here.
        assert public == "refused" or not is_text(body), body
        expected = None
    for route in results.keys() - {"public"}:
        page = results[route]
        if isinstance(page, RecordedPage):
            assert isinstance(public, RecordedPage), (route, body)
            assert reference.identical(page, public), (route, body)
            assert expected is None or reference.same(reference.plain(page), expected), (route, body)
    return results


def is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_damaged_bodies() -> None:
    """Random damage never makes the fast route return other rows than the careful ones."""
    seed = int(os.environ.get("PI_LAKEFLOW_FUZZ_SEED", "1"))
    met: Counter[str] = Counter()
    for number in range(int(os.environ.get("PI_LAKEFLOW_FUZZ", "2000"))):
        rng = random.Random(seed * 1_000_003 + number)
        body = usual_body(rng)
        for route, page in check(damaged(rng, body) if number % 8 else body).items():
            met[f"{route} {page if isinstance(page, str) else 'read'}"] += 1
    for route in ("fast", "accelerated"):
        assert met[f"{route} read"] > met["public read"] / 4, met


def test_bodies_cut_anywhere_are_refused() -> None:
    """No prefix of an answer passes for an answer."""
    body = usual_body(random.Random(5))
    for length in range(len(body)):
        assert outcome("public", body[:length]) == "refused"
        assert outcome("fast", body[:length]) == "misfit"
        assert outcome("accelerated", body[:length]) == "misfit"


def test_any_other_byte_is_noticed() -> None:
    """With one byte changed, the accelerated route reads what the careful ones read, or nothing."""
    rng = random.Random(11)
    body = usual_body(rng)
    while body.count(b"Timestamp") < 12 or len(body) > 3_000:
        body = usual_body(rng)
    for place in range(len(body)):
        for letter in {*rng.sample(LETTERS, 3), body[place] ^ 1, body[place] ^ 128, body[place] ^ 32}:
            changed = body[:place] + bytes([letter]) + body[place + 1 :]
            page = outcome("accelerated", changed)
            if isinstance(page, RecordedPage):
                careful = outcome("typed", changed)
                careful = outcome("lenient", changed) if careful == "misfit" else careful
                assert isinstance(careful, RecordedPage), changed
                assert reference.identical(page, careful), changed
