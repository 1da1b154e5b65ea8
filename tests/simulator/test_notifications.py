"""Notification rules, subscribers, contacts and plug-ins; absent before 2018."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from naive import simulated

from pi_lakeflow.simulator.world.assets import Assets, Level, Place


async def test_rules_and_whom_they_tell() -> None:
    async with simulated(tags=240) as c:
        assets = c.sim.world.part(Assets)
        database = assets.databases[0]
        reactor = assets.element(database, Place(Level.EQUIPMENT, 2))
        rules = (await c.get(f"/elements/{assets.webid(reactor)}/notificationrules"))["Items"]
        assert [rule["Name"] for rule in rules] == ["Batch Done", "Equipment Fault", "Limit Alarm"]
        assert "Links" not in rules[0]
        found = await c.get(
            "/notificationrules/search", databaseWebId=assets.webid(database), query="Name:=Batch*"
        )
        assert rules[0]["Path"] in {rule["Path"] for rule in found["Items"]}
        assert all(rule["Name"] == "Batch Done" for rule in found["Items"])
        rule = rules[2]
        assert await c.get(f"/notificationrules/{rule['WebId']}") == rule | {"WebId": rule["WebId"]}
        assert (await c.get("/notificationrules", path=rule["Path"]))["Id"] == rule["Id"]
        told = (await c.get(f"/notificationrules/{rule['WebId']}/notificationrulesubscribers"))["Items"]
        assert [s["ContactType"] for s in told] == ["Group", "Escalation"]
        members = await c.get(f"/notificationrulesubscribers/{told[0]['WebId']}/notificationrulesubscribers")
        assert [m["ContactTemplateName"] for m in members["Items"]] == ["Early Operator", "Late Operator"]
        assert (await c.get("/notificationrulesubscribers", path=told[1]["Path"]))[
            "EscalationTimeout"
        ] == "PT15M"


async def test_contacts_and_plugins() -> None:
    async with simulated(tags=16) as c:
        server = (await c.get("/assetservers"))["Items"][0]
        root = f"/assetservers/{server['WebId']}"
        contacts = (await c.get(f"{root}/notificationcontacttemplates"))["Items"]
        group = next(contact for contact in contacts if contact["HasChildren"])
        below = await c.get(f"/notificationcontacttemplates/{group['WebId']}/notificationcontacttemplates")
        assert len(below["Items"]) == 2
        plugins = (await c.get(f"{root}/notificationplugins"))["Items"]
        assert {plugin["Name"] for plugin in plugins} == {"Email", "WebService"}
        assert (await c.get("/notificationplugIns", path=plugins[0]["Path"]))["Id"] == plugins[0]["Id"]
        assert (await c.get(f"/notificationplugins/{plugins[1]['WebId']}"))["Name"] == plugins[1]["Name"]
        found = await c.get(
            "/notificationcontacttemplates/search", assetServerWebId=server["WebId"], query="*Operator*"
        )
        assert [contact["Name"] for contact in found["Items"]] == ["Shift Operators"]


async def test_rule_templates() -> None:
    async with simulated(tags=16) as c:
        assets = c.sim.world.part(Assets)
        database = assets.webid(assets.databases[0])
        found = (await c.get("/notificationruletemplates/search", databaseWebId=database, query="*"))["Items"]
        assert [template["Name"] for template in found] == ["Limit Alarm", "Equipment Fault", "Batch Done"]
        one = found[0]["WebId"]
        assert (await c.get(f"/notificationruletemplates/{one}"))["Path"] == found[0]["Path"]
        told = await c.get(f"/notificationruletemplates/{one}/notificationrulesubscribers")
        assert len(told["Items"]) == 2
        assert (await c.get(f"/notificationrulesubscribers/{told['Items'][0]['WebId']}"))["Id"]


async def test_older_servers_have_none_of_it() -> None:
    async with simulated(tags=16, version="1.10.0.1") as c:
        assets = c.sim.world.part(Assets)
        assert (await c.status(f"/assetservers/{assets.webid(assets.server)}/notificationplugins"))[0] == 404
        assert (await c.status("/notificationrules/search", query="*"))[0] == 404
