"""All routes against a slow reading of the same bytes, and against one another."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, event, given, settings
from tests.decode import bodies, reference
from tests.decode.accelerated import decode_accelerated

from pi_lakeflow.errors import Transient
from pi_lakeflow.historians.pi.decode.lenient import decode_lenient
from pi_lakeflow.historians.pi.decode.recorded import RAW_SCHEMA, RecordedPage, StreamMeta, decode_recorded
from pi_lakeflow.historians.pi.decode.speculative import decode_speculative
from pi_lakeflow.historians.pi.decode.typed import Misfit, decode_typed

unhurried = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def decode_fast(body: bytes, meta: dict[str, StreamMeta]) -> RecordedPage:
    return decode_speculative(body, meta, smallest=0, fewest=1)


@unhurried
@given(bodies.usual_bodies(), bodies.metas)
def test_usual_bodies_read_alike_by_every_route(body: bytes, types: dict[str, str]) -> None:
    """What the server usually writes is read by the fast route, and like the slow reading."""
    meta = {webid: StreamMeta(point_type) for webid, point_type in types.items()}
    expected = reference.read(body, types)
    routes = [decode_lenient(body, meta), decode_recorded(body, meta)]
    for route in (decode_typed, decode_accelerated, decode_fast):
        try:
            routes.append(route(body, meta))
        except Misfit as reason:
            event(f"misfit: {reason}")
    for page in routes:
        assert page.rows.schema == RAW_SCHEMA
        assert reference.same(reference.plain(page), expected)
        assert reference.identical(page, routes[0])


@unhurried
@given(bodies.wild_bodies(), bodies.metas)
def test_wild_bodies_read_like_the_slow_reading(body: bytes, types: dict[str, str]) -> None:
    """Any layout and any failure: each route that reads it, reads it like the slow one."""
    meta = {webid: StreamMeta(point_type) for webid, point_type in types.items()}
    try:
        expected = reference.read(body, types)
    except reference.Unreadable:
        with pytest.raises(Transient):
            decode_recorded(body, meta)
        return
    routes = [decode_lenient(body, meta), decode_recorded(body, meta)]
    for route in (decode_typed, decode_accelerated, decode_fast):
        try:
            routes.append(route(body, meta))
        except Misfit as reason:
            event(f"misfit: {reason}")
    for page in routes:
        assert reference.same(reference.plain(page), expected)
        assert reference.identical(page, routes[0])
