"""AF over HTTP: pages, filters, searches, values, what is gone, and what a user's cache still shows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import Client, simulated

from pi_lakeflow.simulator.world.assets import Assets

FULL = {"searchFullHierarchy": "true"}
WRITE = {"X-Requested-With": "test"}


async def database(c: Client) -> str:
    server = (await c.get("/assetservers"))["Items"][0]["WebId"]
    return str((await c.get(f"/assetservers/{server}/assetdatabases"))["Items"][0]["WebId"])


async def everything(c: Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """All pages, by ``Links.Next``."""
    found: list[dict[str, Any]] = []
    page = await c.get(path, **query)
    while True:
        found += page["Items"]
        url = page.get("Links", {}).get("Next")
        if url is None:
            return found
        async with c.session.get(url) as response:
            page = await response.json()


async def test_pages_hold_each_element_once() -> None:
    async with simulated(tags=200) as c:
        plant = await database(c)
        found = await everything(c, f"/assetdatabases/{plant}/elements", maxCount=7, **FULL)
        live = c.sim.world.part(Assets)
        assert {e["Id"] for e in found} == {str(e.guid) for e in live.descendants(live.databases[0])}
        assert len({e["WebId"] for e in found}) == len(found) > 40
        assert [e["Name"] for e in found] == sorted((e["Name"] for e in found), key=str.casefold)
        one = await c.get(f"/assetdatabases/{plant}/elements", maxCount=3, startIndex=3, **FULL)
        assert list(one["Links"]) == ["First", "Previous", "Next", "Last"]


async def test_elements_are_filtered_by_base_template_and_category() -> None:
    async with simulated(tags=200) as c:
        path = f"/assetdatabases/{await database(c)}/elements"
        rotating = await everything(c, path, templateName="Rotating Equipment", **FULL)
        assert {e["TemplateName"] for e in rotating} == {"Pump", "Compressor"}
        assert await everything(c, path, categoryName="Rotating", **FULL) == rotating
        status, body = await c.status(path, categoryName="Nonsense")
        assert status == 400
        assert "category was not found" in body["Errors"][0]


async def test_attributes_lead_to_their_points() -> None:
    async with simulated(tags=80) as c:
        path = f"/assetdatabases/{await database(c)}/elementattributes"
        fields = "Items.Path;Items.DataReference;Links.Next"
        query = {"associations": "DataReference", "selectedFields": fields, "maxCount": 50, **FULL}
        found = await everything(c, path, **query)
        points = [a["DataReference"]["PIPoint"]["WebId"] for a in found if a.get("DataReference")]
        world = c.sim.world
        assert sorted(points) == sorted(world.webid(tag, "Full") for tag in world.tags())


async def test_limits_are_children_with_traits() -> None:
    async with simulated(tags=80) as c:
        owner = await c.get("/elements", path=r"\\PIAF01\Plant\LYN\Area 1\U100\PUMP-0004")
        path = f"/elements/{owner['WebId']}/attributes"
        found = (await c.get(path, traitCategory="Limit", showExcluded="true", **FULL))["Items"]
        assert {a["TraitName"] for a in found} == {
            *(f"Limit{name}" for name in ("Minimum", "LoLo", "Lo", "Target", "Hi", "HiHi", "Maximum"))
        }
        parent = found[0]["Path"].rpartition("|")[0]
        same = await c.get("/attributes", path=f"{parent}|[@Trait={found[0]['Name']}]")
        assert same["WebId"] == found[0]["WebId"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("Name:=PUMP-000*", {"PUMP-0000", "PUMP-0004", "PUMP-0008"}),
        ("Template:=Vessel Name:=*-0001", {"TANK-0001"}),
        ("Root:='LYN\\Area 1\\U100\\PUMP-0000' AllDescendants:=true", {"Motor", "Bearings"}),
        ("Name:IN(LYN; U100)", {"LYN", "U100"}),
    ],
)
async def test_elements_are_searched(query: str, names: set[str]) -> None:
    async with simulated(tags=80) as c:
        found = await everything(c, "/elements/search", query=query, databaseWebId=await database(c))
        assert {e["Name"] for e in found} == names


async def test_attributes_and_analyses_are_searched_and_nonsense_is_refused() -> None:
    async with simulated(tags=200) as c:
        plant = await database(c)
        query = "Element:{ Template:=Pump } Name:='Discharge*' Type:=Double"
        found = await everything(c, "/attributes/search", query=query, databaseWebId=plant)
        assert {a["Name"] for a in found} == {"Discharge Pressure"}
        found = await everything(c, "/analyses/search", query="Target:{ Template:=Unit }")
        assert {a["Name"] for a in found} == {"Unit Roll-up"}
        for kind in ("elements", "attributes", "analyses"):
            assert (await c.status(f"/{kind}/search", query="Nonsense:=1"))[0] == 400


async def test_values_come_from_points_formulas_tables_and_templates() -> None:
    async with simulated(tags=200) as c:
        live = c.sim.world.part(Assets)
        pump = next(e for e in live.descendants(live.databases[0]) if e.template == "Pump")
        ids = {a.name: live.webid(a) for a in live.attributes(pump)}
        interval = await c.get(f"/streams/{ids['Service Interval']}/value")
        assert interval["Value"] % 15 == 0
        label = await c.get(f"/streams/{ids['Label']}/value")
        assert label["Value"] == f"{pump.name} of U100"
        static = await c.get(f"/attributes/{ids['Rated Speed']}/value")
        assert static["Timestamp"] == "1970-01-01T00:00:00Z"
        assert (await c.status(f"/attributes/{ids['Label']}/value"))[0] == 409
        whole = await c.get(f"/streamsets/{live.webid(pump)}/value", nameFilter="*Pressure")
        values = {item["Name"]: item["Value"]["Value"] for item in whole["Items"]}
        if isinstance(values["Differential Pressure"], float):
            difference = values["Discharge Pressure"] - values["Suction Pressure"]
            assert values["Differential Pressure"] == pytest.approx(difference, abs=5)


async def test_a_lost_point_is_gone_and_a_failed_reference_is_an_error() -> None:
    async with simulated(tags=200) as c:
        live = c.sim.world.part(Assets)
        tag = c.sim.world.tag(0)
        attribute = live.attribute_of(tag)
        c.sim.world.delete_tag(tag)
        status, body = await c.status(f"/streams/{live.webid(attribute)}/recorded")
        assert (status, body) == (410, {"Errors": [f"PI Point not found '{tag.path}'."]})
        several = await c.get("/streamsets/recorded", webId=live.webid(attribute))
        assert "PI Point not found" in several["Items"][0]["Errors"][0]["Message"][0]
        excluded = next(
            a
            for e in live.descendants(live.databases[0])
            for a in live.attributes(e)
            if a.excluded and a.definition.reference == "PI Point"
        )
        value = await c.get(f"/streams/{live.webid(excluded)}/value")
        assert value["Good"] is False
        assert value["Value"]["Errors"][0].startswith("PI Point not found")


async def test_multiple_answers_each_alone() -> None:
    async with simulated() as c:
        pair = [r"\\PIAF01\Plant\LYN", r"\\PIAF01\Plant\Nowhere"]
        status, body = await c.status("/elements/multiple", path=pair)
        assert status == 207
        assert [("Object" in i, "Exception" in i) for i in body["Items"]] == [(True, False), (False, True)]


async def test_changes_through_the_front_door() -> None:
    async with simulated() as c:
        plant = await database(c)
        url = f"{c.sim.url}/assetdatabases/{plant}/elements"
        pump = {"Name": "PUMP-X", "TemplateName": "Pump", "Description": "new"}
        async with c.session.post(url, json=pump, headers=WRITE) as made:
            assert made.status == 201
            element = made.headers["Location"]
        async with c.session.post(url, json=pump, headers=WRITE) as again:
            assert again.status == 400
        tag = c.sim.world.tag(0)
        attribute = {
            "Name": "Extra",
            "Type": "Double",
            "DataReferencePlugIn": "PI Point",
            "ConfigString": tag.path,
        }
        async with c.session.post(f"{element}/attributes", json=attribute, headers=WRITE) as made:
            extra = made.headers["Location"]
        async with c.session.get(extra, params={"associations": "DataReference"}) as found:
            assert (await found.json())["DataReference"]["PIPoint"]["Name"] == tag.name
        fixed = await c.get("/attributes", path=r"\\PIAF01\Plant\PUMP-X|Rated Speed")
        for value, status in ((1234.5, 204), ("fast", 400)):
            target = f"{c.sim.url}/attributes/{fixed['WebId']}/value"
            async with c.session.put(target, json={"Value": value}, headers=WRITE) as written:
                assert written.status == status
        assert (await c.get(f"/attributes/{fixed['WebId']}/value"))["Value"] == 1234.5
        async with c.session.patch(element, json={"Name": "PUMP-Y"}, headers=WRITE) as changed:
            assert changed.status == 204
        assert (await c.get("/elements", path=r"\\PIAF01\Plant\PUMP-Y"))["Description"] == "new"
        async with c.session.delete(element, headers=WRITE) as removed:
            assert removed.status == 204
        assert (await c.status("/elements", path=r"\\PIAF01\Plant\PUMP-Y"))[0] == 404


async def test_a_users_cache_is_stale_until_asked_to_refresh() -> None:
    async with simulated() as c:
        path = r"\\PIAF01\Plant\LYN\New"
        assert (await c.status("/elements", path=path))[0] == 404
        live = c.sim.world.part(Assets)
        live.changes.create_element(live.element_by_path(r"\\PIAF01\Plant\LYN"), "New")
        assert (await c.status("/elements", path=path))[0] == 404
        url = f"{c.sim.url}/elements"
        async with c.session.get(url, params={"path": path}, headers={"Cache-Control": "no-cache"}) as fresh:
            assert fresh.status == 200
        assert (await c.status("/elements", path=path))[0] == 200


async def test_templates_show_what_they_inherit() -> None:
    async with simulated() as c:
        pump = await c.get("/elementtemplates", path=r"\\PIAF01\Plant\ElementTemplates[Pump]")
        path = f"/elementtemplates/{pump['WebId']}/attributetemplates"
        own = {a["Name"] for a in (await c.get(path))["Items"]}
        every = {a["Name"] for a in (await c.get(path, showInherited="true"))["Items"]}
        assert "Manufacturer" in every - own
        bases = (await c.get(f"/elementtemplates/{pump['WebId']}/baseelementtemplates"))["Items"]
        assert [b["Name"] for b in bases] == ["Rotating Equipment", "Equipment"]
