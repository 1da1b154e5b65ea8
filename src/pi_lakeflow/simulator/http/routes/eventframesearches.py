"""``/eventframes/searchbyattribute``: frames of a template whose attributes have given values."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from pi_lakeflow.simulator.http.assets.lookup import database_of
from pi_lakeflow.simulator.http.assets.valuesearch import ValueQuery, fits_values, read_body
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.dispatch import dispatch
from pi_lakeflow.simulator.http.errors import ApiError
from pi_lakeflow.simulator.http.frames.attributes import find_frame
from pi_lakeflow.simulator.http.frames.lists import Keep, listed, of_template
from pi_lakeflow.simulator.http.reply import Reply
from pi_lakeflow.simulator.http.router import Router
from pi_lakeflow.simulator.world.frames import Frame
from pi_lakeflow.simulator.world.world import World

from .eventframes import descend, frames_of, page


@dataclass(frozen=True, slots=True)
class FrameSearch:
    """What a search covers: a database, or what is below the frame ``above``."""

    database: int
    above: str
    template: str
    queries: tuple[ValueQuery, ...]


class FrameSearches:
    """``world.part(FrameSearches)``: the searches that clients made, by id."""

    def __init__(self, world: World) -> None:
        del world
        self.known: dict[str, FrameSearch] = {}


def register(router: Router) -> None:
    router.post("/eventframes/searchbyattribute")(create)
    router.get("/eventframes/searchbyattribute/{searchId}")(results)


async def create(call: Call) -> Reply:
    """201 with the ``Location`` of the results; their first page as content unless ``noResults``."""
    body, template = read_body(call)
    above, database = _root(call, body.search_root)
    searches = call.sim.world.part(FrameSearches).known
    name = str(uuid.uuid5(uuid.NAMESPACE_OID, f"frames {len(searches)}"))
    searches[name] = FrameSearch(database, above, template.name, tuple(body.value_queries))
    location = call.link(f"/eventframes/searchbyattribute/{name}")
    reply = Reply() if call.flag("noResults") else await _first_page(call, location)
    reply.status = 201
    reply.headers["Location"] = location
    return reply


def _root(call: Call, text: str) -> tuple[str, int]:
    """The WebId of the frame to search below, if it is one, and the number of the database."""
    if not text:
        return "", 0
    if call.parse_webid(text).marker == "Fm":
        return text, find_frame(call, call.parse_webid(text)).database
    return "", database_of(call, text).number


async def _first_page(call: Call, location: str) -> Reply:
    answer, _ = await dispatch(call.sub_call("GET", location, call.headers, b""))
    return answer if isinstance(answer, Reply) else Reply()


async def results(call: Call) -> Reply:
    """A page of what a search finds now; an unknown search is a 400."""
    search = call.sim.world.part(FrameSearches).known.get(call.match["searchId"])
    if search is None:
        raise ApiError(400, "The search identifier is not valid.", generic=True)
    pool = [of_template(search.template), _of_values(search), *_of_place(call, search)]
    return await page(call, lambda: listed(call, frames_of(call), search.database, pool))


def _of_values(search: FrameSearch) -> Keep:
    def keep(frame: Frame) -> bool:
        return fits_values({name.casefold(): value for name, value in frame.values}, search.queries)

    return keep


def _of_place(call: Call, search: FrameSearch) -> list[Keep]:
    """With ``searchFullHierarchy`` all frames below the root, else those directly below."""
    full = call.flag("searchFullHierarchy")
    if not search.above:
        return [] if full else [lambda frame: frame.parent is None]
    frames = frames_of(call)
    above = find_frame(call, call.parse_webid(search.above))
    below = {frame.id for frame in descend(frames, above, full=full)}
    return [lambda frame: frame.id in below]
