"""Which frames a list keeps: ``searchMode`` and the filters (PI Web API reference, topic Search Mode)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pi_lakeflow.simulator.cache import WeighedCache
from pi_lakeflow.simulator.http.afsearch import mask
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.assets import TEMPLATES, Kind, lineage
from pi_lakeflow.simulator.world.frames import SEVERITIES, Frame, Frames

if TYPE_CHECKING:
    from pi_lakeflow.simulator.world import World

Keep = Callable[[Frame], bool]
MODES = (
    *("None", "Overlapped", "Inclusive", "StartInclusive", "EndInclusive", "InProgress"),
    *("BackwardFromStartTime", "ForwardFromStartTime", "BackwardFromEndTime", "ForwardFromEndTime"),
    *("BackwardInProgress", "ForwardInProgress"),
)
_SORTS: dict[str, Callable[[Frame], Any]] = {
    "Name": lambda frame: frame.name.casefold(),
    "Description": lambda frame: frame.description.casefold(),
    "StartTime": lambda frame: frame.start,
    "EndTime": lambda frame: frame.end,
    "ModifyDate": lambda frame: frame.modified,
    "ID": lambda frame: frame.id,
    "Type": lambda _: "",
}
_KEPT_FRAMES = 400_000


@dataclass(frozen=True, slots=True)
class TimeSearch:
    """``first..last`` in ticks hold all candidates; ``order`` is set when the mode decides the order."""

    first: int
    last: int
    keep: Keep
    order: Callable[[Frame], Any] | None = None
    descending: bool = False


def time_search(call: Call) -> TimeSearch:
    """``searchMode``, ``startTime`` and ``endTime``. A 400 when a direction is given an end or an order."""
    mode = call.choice("searchMode", MODES, "Overlapped")
    if mode == "None":
        return TimeSearch(0, t.NEVER, lambda _: True)
    start = call.time("startTime", "*-8h")
    if mode.startswith(("Backward", "Forward")):
        for name in ("endTime", "sortField", "sortOrder"):
            if call.text(name):
                raise ApiError(400, f"Parameter '{name}' cannot be used with search mode '{mode}'.")
        return _directed(mode, start, call.now)
    first, last = sorted((start, call.time("endTime", "*")))
    keeps: dict[str, Keep] = {
        "Overlapped": lambda _: True,
        "Inclusive": lambda f: first <= f.start and f.end <= last,
        "StartInclusive": lambda f: first <= f.start <= last,
        "EndInclusive": lambda f: first <= f.end <= last,
        "InProgress": lambda f: first <= f.start <= last and f.is_open,
    }
    if mode == "InProgress":
        return TimeSearch(max(first, call.now), t.NEVER, keeps[mode])
    return TimeSearch(first, last, keeps[mode])


def _directed(mode: str, start: int, now: int) -> TimeSearch:
    back = mode.startswith("Backward")
    key = _SORTS["EndTime" if mode.endswith("EndTime") else "StartTime"]
    only_open = mode.endswith("InProgress")

    def keep(frame: Frame) -> bool:
        moment = key(frame)
        return (moment <= start if back else moment >= start) and (frame.is_open or not only_open)

    if only_open:  # which is to say: it has a part in the present
        first, last = now, t.NEVER
    else:
        first, last = (0, start) if back else (start, t.NEVER)
    return TimeSearch(first, last, keep, order=key, descending=back)


def filters(call: Call, frames: Frames, database: int) -> list[Keep]:
    """The filters of the frame lists other than the times."""
    keeps: list[Keep] = []
    if name := call.text("nameFilter"):
        named = mask(name)
        keeps.append(lambda f: named.fullmatch(f.name) is not None)
    if template := call.text("templateName"):
        keeps.append(of_template(template))
    if category := call.text("categoryName"):
        keeps.append(of_category(frames, database, category))
    if severities := severities_of(call):
        keeps.append(lambda f: f.severity in severities)
    if call.given("canBeAcknowledged"):
        possible = call.flag("canBeAcknowledged")
        keeps.append(lambda f: f.can_be_acknowledged is possible)
    if call.given("isAcknowledged"):
        done = call.flag("isAcknowledged")
        keeps.append(lambda f: f.acknowledged is done)
    return [*keeps, *referenced_element_keeps(call, frames)]


def of_template(name: str) -> Keep:
    """Frames of a template or of one that extends it; the template's name in any case."""
    wanted = name.casefold()
    return lambda f: any(wanted == above.casefold() for above in lineage(f.template))


def of_category(frames: Frames, database: int, name: str) -> Keep:
    """Frames of a category; a 400 when the database has no such category."""
    owner = frames.assets.databases[database]
    if frames.assets.catalogue.named(Kind.ELEMENT_CATEGORY, owner, name) is None:
        text = "The specified element category was not found in the specified Asset Database."
        raise ApiError(400, text, generic=True)
    wanted = name.casefold()
    return lambda f: any(wanted == category.casefold() for category in categories_of(f))


def categories_of(frame: Frame) -> tuple[str, ...]:
    """Its own categories, else its template's."""
    template = TEMPLATES.get(frame.template)
    return frame.categories or (template.categories if template else ())


def severities_of(call: Call) -> set[str]:
    """``severity``, repeated or with semicolons."""
    words = [word.strip() for text in call.texts("severity") for word in text.split(";") if word.strip()]
    known = {name.casefold(): name for name in SEVERITIES}
    unknown = [word for word in words if word.casefold() not in known]
    if unknown:
        raise ApiError(400, f"The value '{unknown[0]}' is not valid for parameter 'severity'.")
    return {known[word.casefold()] for word in words}


def referenced_element_keeps(call: Call, frames: Frames) -> Iterable[Keep]:
    """``referencedElementNameFilter`` and ``referencedElementTemplateName``."""
    if name := call.text("referencedElementNameFilter"):
        named = mask(name)
        yield lambda f: any(named.fullmatch(e.name) for e in frames.elements(f))
    if template := call.text("referencedElementTemplateName"):
        wanted = template.casefold()
        yield lambda f: any(
            wanted == above.casefold() for e in frames.elements(f) for above in lineage(e.template)
        )


def listed(call: Call, frames: Frames, database: int, pool: Iterable[Keep]) -> Sequence[Frame]:
    """The frames of a list in its order. ``pool`` says which frames belong to the list at all."""
    search = time_search(call)
    keeps = [*pool, search.keep, *filters(call, frames, database)]
    found = [
        frame
        for frame in frames.between(search.first, search.last, database=database)
        if all(keep(frame) for keep in keeps)
    ]
    if search.order is not None:
        return sorted(found, key=search.order, reverse=search.descending)
    return sort_frames(found, call.text("sortField"), descending=_descending(call))


def sort_frames(found: list[Frame], field: str, *, descending: bool) -> list[Frame]:
    """In the order of a field, ``Name`` when none is named; equals keep the order of their starts."""
    for name, key in _SORTS.items():
        if name.casefold() == (field or "Name").casefold():
            return sorted(found, key=key, reverse=descending)
    raise ApiError(400, f"The value '{field}' is not valid for parameter 'sortField'.")


def _descending(call: Call) -> bool:
    return call.choice("sortOrder", ("Ascending", "Descending"), "Ascending") == "Descending"


class KeptLists:
    """``world.part(KeptLists)``: lists that were just made, for their next pages.

    They are at most a second old, so that pages of one list agree although the clock moves.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: WeighedCache[Sequence[Frame]] = WeighedCache(_KEPT_FRAMES, lambda found: 1 + len(found))

    def get(self, call: Call, select: Callable[[], Sequence[Frame]]) -> Sequence[Frame]:
        """The list of a call, made by ``select`` unless it is known."""
        query = tuple((n, v) for n, v in call.query if n.casefold() not in _OF_PAGES)
        changes = self._world.part(Frames).changes.count
        key = (call.path, query, call.now // t.SECOND, changes, self._world.revision)
        found = self._kept.get(key)
        if found is None:
            found = select()
            self._kept.put(key, found)
        return found


_OF_PAGES = ("startindex", "maxcount", "selectedfields", "webidtype")
