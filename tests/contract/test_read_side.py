"""Every documented GET route answers with the documented shape, or is knowingly left out.

The walk starts at the root and follows links; what no link leads to is asked for by recipes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from recipes import urls
from shapes import ANSWERS, CONTRACT, OBJECTS, ROUTES, problems
from walk import Walk

from pi_lakeflow.simulator import Auth, FixedClock, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.http.router import discover

NOW = int(datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp()) * 1_000_000
# Documented, not served: route -> why.
LEFT_OUT: dict[str, str] = {}
# Controllers that are being added; until they are there, nothing is asked of them.
ARRIVING = {
    *("analyses", "analysiscategories", "analysisruleplugins", "analysisrules", "analysistemplates"),
    *("assetdatabases", "assetservers", "attributecategories", "attributes", "attributetemplates"),
    *("attributetraits", "channels", "elementcategories", "elements", "elementtemplates", "eventframes"),
    *("enumerationsets", "enumerationvalues", "notificationcontacttemplates", "notificationplugins"),
    *("notificationrules", "notificationrulesubscribers", "notificationruletemplates", "tablecategories"),
    *("streams", "streamsets", "tables", "timeruleplugins", "timerules", "unitclasses", "units"),
    *("securityidentities", "securitymappings", "calculation"),
}
# Served by handlers that answer with a WebSocket; tests of channels look at their messages.
SOCKETS = {route for route in ROUTES if route.endswith("/channel")}


def _served() -> set[str]:
    return {_shape(pattern) for method, pattern in discover().patterns() if method == "GET"}


def _skip_arriving(route: str) -> None:
    if not _served_or_due(route):
        pytest.skip("arriving")


def _served_or_due(route: str) -> bool:
    """Arriving routes count when they and what they belong to are there."""
    controller = _shape(route).strip("/").split("/")[0]
    if controller not in ARRIVING and "enumerationsets" not in route:
        return True
    needs = {
        "streams": "/points/{}",
        "streamsets": "/elements/{}",
        "enumerationsets": "/securityidentities/{}",
    }
    owner = needs.get(controller, f"/{controller}/{{}}") if "{webId}" in route else _shape(route)
    if "enumerationsets" in route:
        owner = needs["enumerationsets"]
    return {_shape(route), owner} <= _served()


def _shape(pattern: str) -> str:
    return re.sub(r"\{\w+\}", "{}", pattern.partition("#")[0]).casefold()


@pytest.fixture(scope="module")
def walk() -> Iterator[Walk]:
    """A server as of 2018 SP1, which the description is of, walked from its root."""
    auth = Auth(methods=("basic",))
    config = SimulatorConfig(tags=60, clock=FixedClock(NOW), version="1.11.1.5383", gzip=False, auth=auth)
    with run_in_thread(config) as sim:
        walk = Walk(sim.url)
        walk.from_root()
        yield walk


def test_the_contract_is_whole() -> None:
    assert "2018 SP1" in CONTRACT["source"]
    assert len(ROUTES) == 252
    assert {route["answer"] for route in ROUTES.values()} - set(OBJECTS) <= {"", "any", "{any}", "{Version}"}


@pytest.mark.parametrize("route", ROUTES)
def test_each_route_is_served_or_knowingly_left_out(route: str) -> None:
    """And nothing that is served is listed as left out."""
    _skip_arriving(route)
    assert (_shape(route) in _served()) != (route in LEFT_OUT)


@pytest.mark.parametrize("route", [r for r in ROUTES if r not in LEFT_OUT and r not in SOCKETS])
def test_answers_have_the_documented_shape(walk: Walk, route: str) -> None:
    """With several objects, and never only with empty lists."""
    _skip_arriving(route)
    visits = list(walk.visits[route])
    visits += [walk.get(path, query) for path, query in urls(route, walk)]
    assert visits, "there is nothing to ask for"
    visits = [
        v for v in visits if v.status != 409 or not route.startswith("/streams/")
    ]  # of strings and states
    wrong = [f"{v.status} {v.url}: {v.body}" for v in visits if v.status not in (200, 207)]
    kind = ANSWERS.get(route, ROUTES[route]["answer"])
    for visit in visits:
        if visit.status in (200, 207):
            wrong += [f"{visit.url}: {text}" for text in problems(visit.body, kind, walk.base)]
    assert not wrong, "\n".join(wrong[:12])
    if kind.startswith("Items["):
        assert any(visit.body["Items"] for visit in visits), f"only empty lists: {visits[0].url}"


def test_links_lead_somewhere(walk: Walk) -> None:
    """Each kind of link was followed; what it led to is there and documented."""
    assert not walk.strays
    followed = (visit for route, visits in walk.visits.items() if _served_or_due(route) for visit in visits)
    assert not {visit.url for visit in followed if visit.status == 404 and "?" not in visit.url}
