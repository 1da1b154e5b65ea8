"""A slow reading of recorded events, written from the rules and without the decoder's code."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pyarrow as pa

from pi_lakeflow.historians.pi.decode.recorded import VALUE_KINDS, RecordedPage

NUMERIC = {"Float16", "Float32", "Float64", "Int16", "Int32"}
WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Unreadable(Exception):
    """The body as a whole is no answer."""


@dataclass(frozen=True)
class Number:
    """A number token as it stands in the body."""

    token: str


def read(body: bytes, point_types: dict[str, str]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Rows and streams as plain tuples, in the order of the columns; whether a stream failed, not why."""
    try:
        page = json.loads(
            body.decode("utf-8-sig"), parse_int=Number, parse_float=Number, parse_constant=Number
        )
    except (ValueError, RecursionError) as broken:
        raise Unreadable(str(broken)) from broken
    if not isinstance(page, dict) or "Items" not in page:
        raise Unreadable("no Items")
    if page.get("WebException") or page.get("Errors") or page.get("Message"):
        raise Unreadable("failed")
    if not isinstance(page["Items"] or [], list):
        raise Unreadable("Items")
    rows: list[tuple[Any, ...]] = []
    streams = []
    for stream in page["Items"] or []:
        if not isinstance(stream, dict) or not isinstance(stream.get("WebId"), str) or not stream["WebId"]:
            raise Unreadable("no WebId")
        webid = whole(stream["WebId"])
        events = stream.get("Items")
        failed = bool(stream.get("Errors")) or stream.get("Value") is not None or "Items" not in stream
        if not isinstance(events, list):
            failed = failed or events is not None
            events = []
        offset = len(rows)
        for event in events:
            row, bad = read_event(event, point_types.get(webid, ""))
            rows.append(row)
            failed = failed or bad
        units = stream.get("UnitsAbbreviation")
        units = whole(units) if isinstance(units, str) and units else None
        streams.append((webid, offset, len(rows) - offset, units, failed))
    return rows, streams


def read_event(event: Any, point_type: str) -> tuple[tuple[Any, ...], bool]:
    if not isinstance(event, dict):
        return (None, None, None, None, "null", False, None, None, None), True
    ticks = read_time(event.get("Timestamp"))
    value, text, code, kind, bad = read_value(event.get("Value"), point_type)
    bad = bad or bool(event.get("Errors"))
    flags = [
        event.get(name) if isinstance(event.get(name), bool) else None
        for name in ("Good", "Questionable", "Substituted", "Annotated")
    ]
    if bad:
        flags[0] = False
    return (ticks, value, text, code, kind, *flags), bad or ticks is None


def read_value(value: Any, point_type: str) -> tuple[float | None, str | None, int | None, str, bool]:
    if isinstance(value, dict):
        return read_object(value, point_type)
    if isinstance(value, Number):
        return *read_number(value.token), None, "number", False
    if isinstance(value, str) and value in WORDS and point_type in NUMERIC:
        return WORDS[value], None, None, "number", False
    if isinstance(value, str):
        return (
            None,
            whole(value),
            None,
            {"Timestamp": "timestamp", "Blob": "blob"}.get(point_type, "text"),
            False,
        )
    if isinstance(value, list):
        return None, compact(value), None, "blob" if point_type == "Blob" else "text", False
    kind = "null" if value is None else "boolean"
    return None, {None: None, True: "true", False: "false"}[value], None, kind, False


def read_object(
    value: dict[str, Any], point_type: str
) -> tuple[float | None, str | None, int | None, str, bool]:
    name, code, errors = value.get("Name"), value.get("Value"), value.get("Errors")
    if errors or (errors is not None and name is None and code is None):
        return None, None, None, "null", True
    if name is None and code is None:
        return None, compact(value), None, "blob" if point_type == "Blob" else "text", False
    text = compact(name) if not isinstance(name, str | None) else name
    digits = isinstance(code, Number) and re.fullmatch(r"-?\d+", code.token)
    number = int(code.token) if digits else None
    if number is not None and not -(2**31) <= number < 2**31:
        number = None
    kind = "system" if value.get("IsSystem") is True else "digital"
    return None, None if text is None else whole(text), number, kind, False


def read_number(token: str) -> tuple[float, str | None]:
    if token in WORDS:
        return WORDS[token], None
    double = float(token)
    if math.isinf(double):
        return double, token
    integer = re.fullmatch(r"-?\d+", token) is not None
    return double, token if integer and abs(Fraction(token)) > 2**53 else None


def read_time(text: Any) -> int | None:
    if not isinstance(text, str):
        return None
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[T ](\d\d)(:\d\d)?(:\d\d)?(?:(?<=:\d\d:\d\d)\.(\d+))?(Z|[+-]\d\d(?::?\d\d)?)",
        text,
        re.ASCII,
    )
    if match is None:
        return None
    day, hour, minute, second, fraction, zone = match.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{hour}{minute or ':00'}{second or ':00'}").replace(tzinfo=UTC)
    except ValueError:
        return None
    offset = 0
    if zone != "Z":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        if int(digits[:2]) > 23 or int(digits[2:]) > 59:
            return None
        offset = (int(digits[:2]) * 60 + int(digits[2:])) * (60 if zone[0] == "+" else -60)
    since = local - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86_400 + since.seconds - offset
    return seconds * 10**7 + int((fraction or "0")[:7].ljust(7, "0"))


def compact(value: Any) -> str:
    """Compact JSON whose numbers are those that Python prints."""
    if isinstance(value, Number):
        double, text = read_number(value.token)
        if math.isinf(double) and value.token not in WORDS:
            return json.dumps(text)
        if re.fullmatch(r"-?\d+", value.token):
            return "-0.0" if value.token == "-0" else str(int(value.token))
        return json.dumps(double)
    if isinstance(value, list):
        return "[" + ",".join(compact(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{compact(k)}:{compact(v)}" for k, v in value.items()) + "}"
    return whole(json.dumps(value, ensure_ascii=False))


def whole(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def plain(page: RecordedPage) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """What a decoder returned, in the shape of ``read``."""
    columns = [column.to_pylist() for column in page.rows.columns]
    columns[4] = [VALUE_KINDS[kind] for kind in columns[4]]
    streams = [(s.webid, s.offset, s.length, s.units, s.error is not None) for s in page.streams]
    return list(zip(*columns, strict=True)), streams


def same(left: Any, right: Any) -> bool:
    """Equality that tells 0.0 from -0.0 and takes a NaN for a NaN."""
    return repr(left) == repr(right)


def identical(left: RecordedPage, right: RecordedPage) -> bool:
    """Whether two routes returned the same bits, with the same texts for what failed."""
    bits = [page.rows.column("value").cast(pa.float64()).view(pa.int64()) for page in (left, right)]
    names = [name for name in left.rows.schema.names if name != "value"]
    return (
        left.streams == right.streams
        and bits[0].equals(bits[1])
        and left.rows.select(names).equals(right.rows.select(names))
    )
