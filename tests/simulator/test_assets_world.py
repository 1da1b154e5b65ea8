"""The AF world: everything is found again by GUID and path, at any size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_lakeflow.simulator.world import UnknownTag, World, webid
from pi_lakeflow.simulator.world.assets import (
    Assets,
    Guids,
    Key,
    Kind,
    Level,
    Place,
    UnknownAsset,
    limits_of,
    lineage,
)


@pytest.fixture(scope="module")
def assets() -> Assets:
    return World(tags=200).part(Assets)


@given(
    st.integers(0, 2**63), st.sampled_from(Kind), st.integers(0, 63), st.integers(0, 2**40 - 1), st.integers()
)
def test_guids_are_read_back(seed: int, kind: Kind, database: int, a: int, b: int) -> None:
    guids, key = Guids(seed), Key(kind, database, a, b & 2**36 - 1)
    assert guids.read(guids.of(key)) == key
    assert guids.of(key).version == 4
    assert Guids(seed + 1).read(guids.of(key)) is None


def test_every_element_and_attribute_is_found_by_path_and_id(assets: Assets) -> None:
    found = list(assets.descendants(assets.databases[0]))
    assert len({e.guid for e in found}) == len(found) > 50
    for element in found:
        assert assets.element_by_path(element.path.lower()) == element
        assert assets.element_by_webid(webid.parse(assets.webid(element))) == element
        for attribute in assets.all_attributes(element):
            assert assets.attribute_by_path(attribute.path) == attribute
            assert assets.attribute_by_webid(webid.parse(assets.webid(attribute, "Full"))) == attribute


def test_every_tag_has_its_attribute(assets: Assets) -> None:
    for server in (0, 1):
        for tag in assets.world.tags(server):
            assert assets.tag(assets.attribute_of(tag)) == tag


def test_an_element_may_be_referenced_twice(assets: Assets) -> None:
    pump = assets.element_by_path(r"\\PIAF01\Plant\Critical Equipment\PUMP-0000")
    assert assets.paths(pump) == [
        r"\\PIAF01\Plant\LYN\Area 1\U100\PUMP-0000",
        r"\\PIAF01\Plant\Critical Equipment\PUMP-0000",
    ]


def test_limits_follow_the_tag_and_templates_inherit(assets: Assets) -> None:
    tag = next(t for t in assets.world.tags() if t.units)
    limits = {a.name: a.definition.default for a in assets.child_attributes(assets.attribute_of(tag))}
    assert limits == limits_of(tag)
    assert limits["LoLo"] < limits["Lo"] < limits["Target"] < limits["Hi"] < limits["HiHi"]
    assert lineage("Pump") == ["Equipment", "Rotating Equipment", "Pump"]


def test_new_tags_bring_new_equipment_and_lost_ones_leave_their_attribute() -> None:
    world = World(tags=8)
    assets = world.part(Assets)
    with pytest.raises(UnknownAsset):
        assets.element(assets.databases[0], Place(Level.EQUIPMENT, 1))
    world.add_tags(4)
    tank = assets.element(assets.databases[0], Place(Level.EQUIPMENT, 1))
    attribute = next(a for a in assets.attributes(tank) if a.point)
    world.delete_tag(assets.tag(attribute))
    with pytest.raises(UnknownTag):
        assets.tag(next(a for a in assets.attributes(tank) if a == attribute))


def test_half_a_million_tags_cost_nothing_until_asked_for() -> None:
    assets = World(tags=500_000).part(Assets)
    plant = assets.databases[0]
    last = assets.element(plant, Place(Level.EQUIPMENT, assets.equipment(plant) - 1))
    assert assets.element_by_path(last.path) == last
    assert len(list(assets.children(plant))) == 10
