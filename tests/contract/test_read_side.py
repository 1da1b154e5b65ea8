"""Every documented GET route answers with the documented shape, or is knowingly left out.

The walk starts at the root and follows links; what no link leads to is asked for by recipes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from recipes import urls
from serving import served, serving, shape_of
from shapes import ANSWERS, CONTRACT, LEFT_OUT, OBJECTS, ROUTES, SOCKETS, problems
from walk import Walk


@pytest.fixture(scope="module")
def walk() -> Iterator[Walk]:
    """A walked server."""
    with serving() as found:
        yield found


def test_the_contract_is_whole() -> None:
    assert "2018 SP1" in CONTRACT["source"]
    assert len(ROUTES) == 252
    assert {route["answer"] for route in ROUTES.values()} - set(OBJECTS) <= {"", "any", "{any}", "{Version}"}


@pytest.mark.parametrize("route", ROUTES)
def test_each_route_is_served_or_knowingly_left_out(route: str) -> None:
    """And nothing that is served is listed as left out."""
    assert (shape_of(route) in served()) != (route in LEFT_OUT)


@pytest.mark.parametrize("route", [r for r in ROUTES if r not in LEFT_OUT and r not in SOCKETS])
def test_answers_have_the_documented_shape(walk: Walk, route: str) -> None:
    """With several objects, and never only with empty lists."""
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
    followed = (visit for visits in walk.visits.values() for visit in visits)
    assert not {visit.url for visit in followed if visit.status == 404 and "?" not in visit.url}
