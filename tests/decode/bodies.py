"""Hypothesis strategies for bodies of ``streamsets/recorded``, as bytes: the usual ones and wild ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from hypothesis import strategies as st

POINT_TYPES = ["", "Float32", "Float64", "Int32", "Digital", "String", "Timestamp", "Blob"]
WEBIDS = ["I1DPAAAA", "I1DPBBBB", "I1DPCCCC", "I1DPÄ"]

metas = st.dictionaries(st.sampled_from(WEBIDS), st.sampled_from(POINT_TYPES))


def _times() -> st.SearchStrategy[str]:
    days = st.dates(date(1700, 1, 1), date(2261, 12, 31))
    instants = st.builds("{:%Y-%m-%d}T{:02}:00:00".format, days, st.integers(0, 23))
    recent = st.integers(0, 86_399).map(
        lambda s: f"2024-02-{s % 29 + 1:02}T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}"
    )
    fractions = st.integers(0, 9_999_999).map(lambda ticks: f".{ticks:07}".rstrip("0").rstrip("."))
    return st.tuples(recent | instants, fractions | st.just("")).map("".join).map(lambda text: text + "Z")


times = _times()
strange_times = st.sampled_from(
    [
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "1677-09-21T00:00:00.1234567Z",
        "2024-06-01T12:00:00+02:00",
        "2024-06-01T12:00:00.5-0330",
        "2024-06-01T12:00:00.123456789Z",
        "2024-06-01T12:00:00.1234567890123Z",
        "2024-06-01 12:00:00Z",
        "2024-06-01T12:00Z",
        "2024-06-01T12:00:00",
        "2024-06-31T12:00:00Z",
        "2024-06-01T12:00:60Z",
        "",
        "never",
    ]
)

doubles = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(
    doubles.map(repr),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda value: f"{value:.7g}"),
    doubles.map(lambda value: f"{value:.3E}"),
    st.integers(-1000, 1000).map(str),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from([2**53, 2**53 + 1, -(2**53), -(2**53) - 1, 2**63, 2**64]).map(str),
    st.sampled_from(["0", "-0", "-0.0", "0e5", "1E+5", "1e-5", "1E-400", "0.1" + "0" * 40, "-1.5E-05"]),
)
overflows = st.sampled_from(["1E400", "-1e400", "9" * 310, "-" + "9" * 320, "NaN", "Infinity", "-Infinity"])

_letters = st.text(st.characters(codec="utf-8"), max_size=12)
_decoys = st.sampled_from(
    [
        "",
        "NaN",
        "-Infinity",
        '},{"Timestamp":"',
        '{"Value":{',
        "}]",
        ',"Good":true',
        "\\",
        '"',
        "1.5",
        "é\u20ac😀",
        "\x00\x1f",
    ]
)
texts = st.builds(
    lambda text, ascii_only: json.dumps(text, ensure_ascii=ascii_only), _letters | _decoys, st.booleans()
)
states = st.builds(
    lambda name, code, system: json.dumps(
        {"Name": name, "Value": code, "IsSystem": system}, separators=(",", ":")
    ),
    st.sampled_from(["Open", "Closed", "I/O Timeout", "Läuft", ""]),
    st.integers(0, 400),
    st.booleans(),
)
strange_states = st.one_of(
    st.sampled_from(
        [
            '{"Value":1,"Name":"Open"}',
            '{"Name":"Open"}',
            '{"Value":7}',
            '{"Value":99999999999,"Name":"big"}',
            '{"Value":1.5,"Name":"half"}',
            '{"Name":null,"Value":3,"IsSystem":null}',
            '{"Name":5,"Value":"x","IsSystem":1}',
            '{"Name":"a","Name":"b","Value":1,"IsSystem":true,"IsSystem":false}',
            '{"Name":"Open","Value":1,"IsSystem":false,"Links":{"Self":"https://x"},"Errors":null}',
            '{"Errors":["Bad source."]}',
            '{"Errors":[]}',
            '{"Errors":[],"Name":"n"}',
            '{"Name":"x","Value":1,"Errors":[{"FieldName":"Value","Message":["gone"]}]}',
            "{}",
            '{"a":[1,2.50,"\\ud800"]}',
            "[]",
            "[1, 2.50, -0, 1E400, true, null]",
            '["\\u00e9", "\\udc00", {"a": {}}]',
            '"\\ud83d\\ude00 \\ud83d"',
        ]
    )
)
usual_tokens = st.one_of(numbers, numbers, numbers, texts, states, st.sampled_from(["true", "false", "null"]))
wild_tokens = st.one_of(usual_tokens, overflows, strange_states)

_flags = st.sampled_from(["true", "false"])


@st.composite
def _usual_event(draw: st.DrawFn, names: Sequence[str], units: str | None) -> str:
    members = [f'"Timestamp":"{draw(times)}"', f'"Value":{draw(usual_tokens)}']
    if units is not None:
        members.append(f'"UnitsAbbreviation":{json.dumps(units)}')
    usual = {"Good": "true"}
    odd = draw(st.integers(0, 9)) == 0
    members += [f'"{name}":{draw(_flags) if odd else usual.get(name, "false")}' for name in names]
    return "{" + ",".join(members) + "}"


@st.composite
def usual_bodies(draw: st.DrawFn) -> bytes:
    """Compact JSON as the server writes it, with or without the fields that can be left out."""
    names = draw(
        st.sampled_from([("Good", "Questionable", "Substituted", "Annotated")[:n] for n in range(5)])
    )
    full = draw(st.booleans())
    streams = []
    for webid in draw(st.lists(st.sampled_from(WEBIDS), min_size=1, max_size=3)):
        units = draw(st.sampled_from(["", "degC", "m³"])) if full else None
        events = ",".join(draw(st.lists(_usual_event(names, units), max_size=12)))
        about = f'"WebId":"{webid}"' + (
            f',"Name":"a{{\\"","Links":{{"Source":"https://x/{webid}"}}' if full else ""
        )
        after = f',"UnitsAbbreviation":{json.dumps(units or "")}' if draw(st.booleans()) else ""
        streams.append(f'{{{about},"Items":[{events}]{after}}}')
    links = '"Links":{},' if full else ""
    return f'{{{links}"Items":[{",".join(streams)}]}}'.encode()


@st.composite
def _wild_event(draw: st.DrawFn) -> list[tuple[str, str]] | str:
    if draw(st.integers(0, 30)) == 0:
        return draw(st.sampled_from(["null", "5", "[]", '"x"', "{}"]))
    members = [
        ("Timestamp", json.dumps(draw(times | strange_times))),
        ("Value", draw(wild_tokens)),
        ("UnitsAbbreviation", '""'),
        *(
            (name, draw(_flags | st.just("null")))
            for name in ("Good", "Questionable", "Substituted", "Annotated")
        ),
        (
            "Errors",
            draw(st.sampled_from(["null", "[]", '[{"FieldName":"Value","Message":["Not found."]}]', '"e"'])),
        ),
        ("Extra", draw(st.sampled_from(["{}", "[[]]", "1e999", '"\\ud800"']))),
        ("Good", draw(_flags | st.just("1"))),
    ]
    rare = {6, 7, 8, 9}
    kept = [
        m for n, m in enumerate(members) if draw(st.integers(0, 5 if n in rare else 40)) != 0 or n in {0, 1}
    ]
    kept = [m for n, m in enumerate(kept) if n < 6 or draw(st.booleans())]
    return draw(st.permutations(kept)) if draw(st.booleans()) else kept


@st.composite
def wild_bodies(draw: st.DrawFn) -> bytes:
    """JSON in any layout: blanks, orders, repeated and unknown keys, failures at every level."""
    comma, colon, gap = draw(st.sampled_from([(",", ":", ""), (", ", ": ", ""), (",\n  ", ":\t", "\r\n")]))

    def written(members: Any) -> str:
        if isinstance(members, str):
            return members
        return "{" + gap + comma.join(f'"{key}"{colon}{value}' for key, value in members) + gap + "}"

    streams = []
    for webid in draw(st.lists(st.sampled_from(WEBIDS), max_size=3)):
        events = comma.join(map(written, draw(st.lists(_wild_event(), max_size=6))))
        members = [
            ("WebId", json.dumps(webid, ensure_ascii=draw(st.booleans()))),
            (
                "Items",
                draw(st.sampled_from(["null", "{}", "[]"]))
                if draw(st.integers(0, 9)) == 0
                else f"[{events}]",
            ),
            ("UnitsAbbreviation", draw(st.sampled_from(['"degC"', '""', "null"]))),
            ("Errors", draw(st.sampled_from(["null", "[]", '["No."]']))),
            ("Value", draw(st.sampled_from(["null", '{"Errors":["Gone."]}']))),
            ("Path", '"\\\\\\\\srv\\\\tag"'),
        ]
        kept = [m for n, m in enumerate(members) if n < 1 or draw(st.integers(0, 9 if n < 2 else 1)) != 0]
        streams.append(written(draw(st.permutations(kept))))
    page = [("Links", "{}"), ("Items", f"[{gap}{comma.join(streams)}{gap}]")]
    if draw(st.integers(0, 20)) == 0:
        page.append(
            draw(
                st.sampled_from(
                    [("Errors", '["x"]'), ("WebException", '{"StatusCode":500}'), ("Errors", "[]")]
                )
            )
        )
    return (gap + written(page) + gap).encode()
