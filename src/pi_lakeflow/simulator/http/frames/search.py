"""``/eventframes/search``: the filters that AFSearch has for event frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pi_lakeflow.simulator.http.afsearch import Field, Query, bad_query, flag, matcher, parse_query
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.timeparse import BadTime, parse_interval, parse_time
from pi_lakeflow.simulator.world.assets import Element, lineage
from pi_lakeflow.simulator.world.frames import SEVERITIES, Frame, Frames

from .lists import categories_of, sort_frames

_RANKS = {name.casefold(): number for number, name in enumerate(SEVERITIES)}
_ELEMENT: Mapping[str, Field[Element]] = {
    "name": Field(lambda element: element.name),
    "template": Field(lambda element: lineage(element.template)),
    "category": Field(lambda element: element.categories),
}


def found(call: Call, frames: Frames, database: int) -> Sequence[Frame]:
    """The frames that fit the call's ``query``; only the roots unless ``AllDescendants`` says otherwise."""
    query = parse_query(call.text("query"))
    below = flag(query.option("AllDescendants", "false"))
    fits = matcher(query.without("AllDescendants", "SortField", "SortOrder"), _fields(call, frames))
    first, last = _range(call, query)
    kept = [
        frame
        for frame in frames.between(first, last, database=database)
        if (below or frame.parent is None) and fits(frame)
    ]
    descending = query.option("SortOrder").casefold().startswith("desc")
    return sort_frames(kept, query.option("SortField"), descending=descending)


def _fields(call: Call, frames: Frames) -> Mapping[str, Field[Frame]]:
    moment = _moment_of(call)
    category: Field[Frame] = Field(categories_of)
    element: Field[Frame] = Field(lambda f: [text for e in frames.elements(f) for text in (e.name, e.path)])
    nested: Field[Frame] = Field(frames.elements, inner=_ELEMENT)
    named = any(c.inner for c in parse_query(call.text("query")).conditions if c.name.casefold() == "element")
    return {
        "name": Field(lambda f: f.name),
        "description": Field(lambda f: f.description),
        "template": Field(lambda f: lineage(f.template) or [f.template]),
        "templatename": Field(lambda f: f.template),
        "category": category,
        "categoryname": category,
        "severity": Field(lambda f: _RANKS[f.severity.casefold()], read=_rank),
        "start": Field(lambda f: f.start, read=moment),
        "end": Field(lambda f: f.end, read=moment),
        "modifydate": Field(lambda f: f.modified, read=moment),
        "creationdate": Field(lambda f: f.start, read=moment),
        "duration": Field(lambda f: min(f.end, call.now) - f.start, read=_length),
        "inprogress": Field(lambda f: f.is_open, read=flag),
        "isacknowledged": Field(lambda f: f.acknowledged, read=flag),
        "canbeacknowledged": Field(lambda f: f.can_be_acknowledged, read=flag),
        "isannotated": Field(lambda f: bool(f.annotations), read=flag),
        "element": nested if named else element,
        "elementname": Field(lambda f: [e.name for e in frames.elements(f)]),
        "id": Field(lambda f: str(frames.guid(f))),
    }


def _moment_of(call: Call) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            return parse_time(text, now=call.now, zone=call.zone)
        except BadTime:
            raise bad_query(f"'{text}' is no time") from None

    return read


def _rank(text: str) -> int:
    if text.casefold() not in _RANKS:
        raise bad_query(f"'{text}' is no severity")
    return _RANKS[text.casefold()]


def _length(text: str) -> int:
    try:
        return parse_interval(text)[1]
    except BadTime:
        raise bad_query(f"'{text}' is no duration") from None


def _range(call: Call, query: Query) -> tuple[int, int]:
    """A stretch of time outside of which nothing can fit, to look no further."""
    first, last, moment = 0, call.now, _moment_of(call)
    for condition in query.conditions:
        name, operator = condition.name.casefold(), condition.operator
        if name in ("start", "end") and operator in (">", ">="):
            first = max(first, moment(condition.values[0]))
        if name == "start" and operator in ("<", "<="):
            last = min(last, moment(condition.values[0]))
    return first, last
