"""The asset tables against the simulated plant: whole, equal to the world, and changed only by changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pi_lakeflow.app.assets import AssetsReport, asset_tables, read_assets
from pi_lakeflow.app.source import open_lake
from pi_lakeflow.app.tables import table_named
from pi_lakeflow.errors import Unavailable
from pi_lakeflow.flow.snapshot import history_of
from pi_lakeflow.historians.pi.tables.timeseries import PI_TIMESERIES
from pi_lakeflow.settings import Settings, load
from pi_lakeflow.simulator import Fault, Limits, Simulator, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.world.assets import Assets, AttributeDef

ESSENTIAL = ("pi_asset_hierarchy", "pi_element_attributes", "pi_asset_tags", "pi_points")


@pytest.fixture(scope="module")
def plant() -> Iterator[Simulator]:
    """A plant that nobody changes."""
    with run_in_thread(SimulatorConfig(tags=200)) as sim:
        yield sim


@pytest.fixture(scope="module")
def lake(plant: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The lake after a first reading of it."""
    found = settings(plant, tmp_path_factory.mktemp("lake"), point_attributes=True)
    assert not read(found).failed
    return found


def settings(sim: Simulator, folder: Path, **assets: Any) -> Settings:
    performance = {"retry_backoff": "10ms"}
    given = {"pi_web_api_url": sim.url, "lake": str(folder), "assets": assets, "performance": performance}
    return load(given, environ={})


def read(given: Settings, *names: str) -> AssetsReport:
    return asyncio.run(read_assets(given, names))


def rows(given: Settings, name: str) -> list[dict[str, Any]]:
    return list(open_lake(given).table(table_named(name)).read().to_pylist())


@pytest.mark.parametrize("name", [table.name for table in asset_tables()])
def test_every_table_has_rows_and_every_column_something(lake: Settings, name: str) -> None:
    held = open_lake(lake).table(table_named(name)).read()
    assert held.num_rows
    for field in held.schema:
        values = held[field.name]
        filled = pc.list_value_length(values) if pa.types.is_list(field.type) else values
        if pa.types.is_list(field.type):
            assert pc.max(filled).as_py(), field.name
        else:
            assert values.null_count < held.num_rows, field.name


def test_the_hierarchy_is_the_worlds(lake: Settings, plant: Simulator) -> None:
    world = plant.world.part(Assets)
    wanted = {
        (world.webid(e), e.path, e.template or None, world.webid(p) if (p := world.parent(e)) else None)
        for database in world.databases
        for e in world.descendants(database)
    }
    held = rows(lake, "pi_asset_hierarchy")
    assert {(r["element_id"], r["element_path"], r["template_name"], r["parent_id"]) for r in held} == wanted
    depths = {r["element_name"]: r["depth"] for r in held}
    assert (depths["LYN"], depths["U100"], depths["Motor"]) == (0, 2, 4)
    twice = {r["element_id"]: r["other_paths"] for r in held if r["other_paths"]}
    assert len(twice) >= 2


def test_each_tag_leads_to_its_element(lake: Settings, plant: Simulator) -> None:
    """So that `pi_timeseries` joins with `pi_asset_hierarchy`."""
    world = plant.world
    wanted = {
        (world.webid(tag), world.part(Assets).webid(world.part(Assets).attribute_of(tag).element))
        for server in (0, 1)
        for tag in world.tags(server)
    }
    assert {(r["tag_webid"], r["element_id"]) for r in rows(lake, "pi_asset_tags")} == wanted
    assert PI_TIMESERIES.arrow_schema.field("tag_webid").type == pa.string()


def test_nested_attributes_are_there(lake: Settings, plant: Simulator) -> None:
    world = plant.world.part(Assets)
    wanted = {
        world.webid(a) for d in world.databases for e in world.descendants(d) for a in world.all_attributes(e)
    }
    assert {r["attribute_webid"] for r in rows(lake, "pi_element_attributes")} == wanted


def test_reading_again_changes_nothing(lake: Settings) -> None:
    versions = {t.name: open_lake(lake).table(t).version() for t in asset_tables()}
    report = read(lake)
    assert {table.status for table in report.tables} == {"unchanged"}
    assert {t.name: open_lake(lake).table(t).version() for t in asset_tables()} == versions


def test_changes_arrive_and_history_keeps_what_was(tmp_path: Path) -> None:
    with run_in_thread(SimulatorConfig(tags=24)) as sim:
        given = settings(sim, tmp_path, history=True)
        names = ("pi_asset_hierarchy", "pi_element_attributes")
        read(given, *names)
        world = sim.world.part(Assets)
        site = world.element_by_path(r"\\PIAF01\Plant\LYN")
        added = world.changes.create_element(site, "New", template="Pump")
        gone = world.element_by_path(r"\\PIAF01\Plant\LYN\Area 1\U100\PUMP-0000\Motor")
        world.changes.remove_element(gone)
        world.changes.change_element(site, description="Lyon")
        report = {table.name: table for table in read(given, *names).tables}
        first = report["pi_asset_hierarchy"]
        assert (first.inserted, first.updated, first.deleted) == (1, 1, 1)
        held = {r["element_id"]: r for r in rows(given, "pi_asset_hierarchy")}
        assert world.webid(added) in held
        assert world.webid(gone) not in held
        past = open_lake(given).table(history_of(table_named("pi_asset_hierarchy"))).read().to_pylist()
        of_site = sorted(
            (r for r in past if r["element_id"] == world.webid(site)), key=lambda r: r["valid_from"]
        )
        assert [(r["is_current"], r["description"]) for r in of_site] == [(False, "Site LYN"), (True, "Lyon")]
        assert of_site[0]["valid_to"] == of_site[1]["valid_from"]
        ended = [r for r in past if r["element_id"] == world.webid(gone)]
        assert [r["is_current"] for r in ended] == [False]
        assert {t.status for t in read(given, *names).tables} == {"unchanged"}


def test_a_refused_list_leaves_its_tables_as_they_are(tmp_path: Path) -> None:
    with run_in_thread(SimulatorConfig(tags=24)) as sim:
        given = settings(sim, tmp_path)
        read(given, *ESSENTIAL)
        before = {name: rows(given, name) for name in ESSENTIAL}
        sim.faults.add(Fault("status", status=403, route="*/elementattributes"))
        sim.world.add_tags(8)
        report = read(given, *ESSENTIAL)
        assert {t.name for t in report.failed} == {"pi_element_attributes", "pi_asset_tags"}
        assert rows(given, "pi_element_attributes") == before["pi_element_attributes"]
        assert len(rows(given, "pi_points")) == len(before["pi_points"]) + 8
        logged = rows(given, "pi_ingest_errors")
        assert {row["tag_name"] for row in logged} == {"pi_element_attributes", "pi_asset_tags"}


def test_an_outage_deletes_nothing(tmp_path: Path) -> None:
    with run_in_thread(SimulatorConfig(tags=24)) as sim:
        given = settings(sim, tmp_path)
        read(given, *ESSENTIAL)
        before = {name: rows(given, name) for name in ESSENTIAL}
    with pytest.raises(Unavailable):
        read(given, *ESSENTIAL)
    assert {name: rows(given, name) for name in ESSENTIAL} == before


def test_requests_follow_pages_and_batches_not_elements(tmp_path: Path) -> None:
    counts = []
    for tags in (40, 400):
        with run_in_thread(SimulatorConfig(tags=tags)) as sim:
            counts.append(read(settings(sim, tmp_path / f"{tags}"), *ESSENTIAL).requests)
    assert counts[0] < counts[1] < counts[0] + 8


def test_an_attribute_whose_point_is_gone_keeps_its_row(tmp_path: Path) -> None:
    with run_in_thread(SimulatorConfig(tags=24)) as sim:
        world = sim.world.part(Assets)
        tag = sim.world.tag(0)
        webid = world.webid(world.attribute_of(tag))
        sim.world.delete_tag(tag)
        extra = AttributeDef("Wild", reference="PI Point", config=r"\\nowhere\nothing")
        pump = world.element_by_path(r"\\PIAF01\Plant\LYN\Area 1\U100\PUMP-0000")
        lost = world.webid(world.changes.create_attribute(pump, extra))
        given = settings(sim, tmp_path)
        read(given, "pi_element_attributes")
        held = {r["attribute_webid"]: r for r in rows(given, "pi_element_attributes")}
        assert held[webid]["data_reference"] == "PI Point"
        assert held[lost]["tag_webid"] is None


def test_only_the_chosen_databases_are_read(tmp_path: Path) -> None:
    with run_in_thread(SimulatorConfig(tags=24)) as sim:
        given = settings(sim, tmp_path, databases=["lab*"])
        read(given, "pi_asset_hierarchy", "pi_asset_databases")
        assert {r["database_name"] for r in rows(given, "pi_asset_hierarchy")} == {"Laboratory"}


def test_limits_have_their_values(lake: Settings, plant: Simulator) -> None:
    world = plant.world.part(Assets)
    tag = next(t for t in plant.world.tags() if t.units)
    measured = world.attribute_of(tag)
    wanted = {world.webid(a): a.definition.default for a in world.child_attributes(measured)}
    held = {r["attribute_webid"]: r for r in rows(lake, "pi_attribute_values")}
    assert {webid: held[webid]["value"] for webid in wanted} == wanted
    traits = {r["attribute_webid"]: r for r in rows(lake, "pi_attribute_traits")}
    assert {traits[webid]["measured_path"] for webid in wanted} == {measured.path}


def test_a_server_that_allows_small_pages_only_is_read_whole(tmp_path: Path) -> None:
    with run_in_thread(SimulatorConfig(tags=600, limits=Limits(max_returned_items=1_000))) as sim:
        given = settings(sim, tmp_path)
        assert not read(given, *ESSENTIAL[::2]).failed
        world = sim.world.part(Assets)
        elements = sum(1 for d in world.databases for _ in world.descendants(d))
        assert len(rows(given, "pi_asset_hierarchy")) == elements
        assert len(rows(given, "pi_asset_tags")) == sum(sim.world.size(n) for n in (0, 1))


def test_a_failed_part_of_a_batch_is_asked_for_alone(tmp_path: Path) -> None:
    with run_in_thread(SimulatorConfig(tags=80)) as sim:
        fault = Fault("status", status=503, route="/elements/*/attributes", count=3, batch=True)
        sim.faults.add(fault)
        given = settings(sim, tmp_path)
        assert not read(given, "pi_element_attributes").failed
        world = sim.world.part(Assets)
        wanted = sum(
            1 for d in world.databases for e in world.descendants(d) for _ in world.all_attributes(e)
        )
        assert len(rows(given, "pi_element_attributes")) == wanted


def test_an_old_server_offers_less_and_that_is_no_failure(tmp_path: Path) -> None:
    with run_in_thread(SimulatorConfig(tags=24, version="2017 R2")) as sim:
        given = settings(sim, tmp_path)
        report = read(given, *ESSENTIAL, "pi_attribute_values", "pi_traits", "pi_security_identities")
        assert not report.failed
        assert len(rows(given, "pi_asset_tags")) == sum(sim.world.size(n) for n in (0, 1))


def test_lists_that_are_empty_all_at_once_delete_nothing(tmp_path: Path) -> None:
    """As an account without rights sees them."""
    with run_in_thread(SimulatorConfig(tags=24)) as sim:
        read(settings(sim, tmp_path), *ESSENTIAL)
    with run_in_thread(SimulatorConfig(tags=0)) as sim:
        given = settings(sim, tmp_path)
        report = read(given, *ESSENTIAL)
        assert {table.name for table in report.failed} == set(ESSENTIAL)
        assert all(rows(given, name) for name in ESSENTIAL)
        typo = settings(sim, tmp_path, databases=["nowhere"])
        assert read(typo, "pi_asset_hierarchy").failed
