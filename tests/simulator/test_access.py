"""Who may read: Basic, Bearer, Negotiate; and the control route."""

from __future__ import annotations

import base64
import ssl
import sys
from pathlib import Path

import aiohttp
import pytest
import spnego

sys.path.insert(0, str(Path(__file__).parent))
from naive import HOUR, NOW, Client, simulated

from pi_lakeflow.simulator import Fault
from pi_lakeflow.simulator.config import Auth
from pi_lakeflow.simulator.http.front import _loopback


async def status_with(c: Client, value: str) -> int:
    """The status of a read with this Authorization."""
    async with c.session.get(c.sim.url + "/dataservers", headers={"Authorization": value}) as response:
        return response.status


def basic(password: str) -> str:
    """The header of the user pi."""
    return "Basic " + base64.b64encode(f"pi:{password}".encode()).decode()


async def test_basic() -> None:
    async with simulated(auth=Auth(methods=("basic",), users={"pi": "good"})) as c:
        async with c.session.get(c.sim.url + "/") as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == 'Basic realm="PI Web API"'
            assert list(await response.json()) == ["Message"]
        assert await status_with(c, basic("bad")) == 401
        assert await status_with(c, "Basic !!") == 401
        assert await status_with(c, basic("good")) == 200


async def token_of(c: Client, secret: str = "secret") -> tuple[int, str]:
    """Client credentials at the endpoint that the discovery names."""
    async with c.session.get(c.sim.url + "/.well-known/openid-configuration") as response:
        endpoint = (await response.json())["token_endpoint"]
    form = {"grant_type": "client_credentials", "client_id": "lakeflow", "client_secret": secret}
    async with c.session.post(endpoint, data=form) as response:
        body = await response.json()
        return response.status, body.get("access_token", "")


async def test_bearer_tokens_expire() -> None:
    async with simulated(auth=Auth(methods=("bearer",), token_seconds=60)) as c:
        assert (await token_of(c, "wrong"))[0] in (400, 401)
        status, token = await token_of(c)
        assert status == 200
        assert await status_with(c, "Bearer x") == 401
        assert await status_with(c, f"Bearer {token}") == 200
        c.sim.faults.add(Fault("expire_tokens", count=1))
        assert await status_with(c, f"Bearer {token}") == 401
        _, token = await token_of(c)
        assert await status_with(c, f"Bearer {token}") == 200
        await c.control("clock", {"advance": 61_000_000})
        assert await status_with(c, f"Bearer {token}") == 401


async def exchange(c: Client, password: str) -> int:
    """A real SPNEGO exchange with NTLM inside, over one connection."""
    client = spnego.client(
        "PLANT\\pi", password, protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate
    )
    token = client.step()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        for _ in range(4):
            header = "Negotiate " + base64.b64encode(token or b"").decode()
            async with session.get(c.sim.url + "/dataservers", headers={"Authorization": header}) as response:
                await response.read()
                challenge = response.headers.get("WWW-Authenticate", "")
                if response.status == 200 or not challenge.startswith("Negotiate "):
                    return response.status
            token = client.step(base64.b64decode(challenge.removeprefix("Negotiate ")))
    return 0


async def test_negotiate() -> None:
    async with simulated(auth=Auth(methods=("negotiate",), users={"pi": "good"})) as c:
        async with c.session.get(c.sim.url + "/") as response:
            assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Negotiate")
        assert await exchange(c, "good") == 200
        assert await exchange(c, "bad") == 401


def test_the_control_route_is_for_loopback_only() -> None:
    assert _loopback("127.0.0.1")
    assert _loopback("::1")
    assert not any(map(_loopback, ("10.0.0.1", "2001:db8::1", "", None, "name")))


async def test_unknown_actions_and_bad_bodies() -> None:
    async with simulated() as c:
        assert (await c.control("nothing", {}))[0] == 404
        async with c.session.get(c.sim.url.removesuffix("/piwebapi") + "/simulator/") as response:
            assert "POST faults" in await response.json()
        assert (await c.control("world/rename-tag", {"tag": "none", "name": "x"}))[0] == 400
        assert (await c.control("world/late-events", {}))[0] == 400
        assert (await c.control("faults", {"add": [{"kind": "status", "nonsense": 1}]}))[0] == 400


async def test_late_events_edits_and_deletions_are_seen() -> None:
    """In the truth and over HTTP, also where the rendered block was cached before."""
    async with simulated() as c:
        tag = c.sim.world.tag(0).name
        at = NOW - 3 * HOUR + 1
        before = await c.recorded(c.id(), at - HOUR, at + HOUR)

        async def values() -> list[tuple[object, bool]]:
            table = c.sim.world.truth(tag, at, at + 1)
            assert len(await c.recorded(c.id(), at - HOUR, at + HOUR)) == len(before) + len(table)
            items = await c.recorded(c.id(), at, at)
            assert [item["Value"] for item in items] == table["value"].to_pylist()
            return [(item["Value"], item["Substituted"]) for item in items]

        events = [{"time": at, "value": 1.5}, {"time": at, "value": 2.5}]
        assert (await c.control("world/late-events", {"tag": tag, "events": events}))[0] == 200
        assert await values() == [(1.5, False), (2.5, False)]
        edit = {"tag": tag, "event": {"time": at, "value": 9.0}, "nth": 1}
        assert (await c.control("world/edit-event", edit))[0] == 200
        assert await values() == [(1.5, False), (9.0, True)]
        await c.control("world/delete-events", {"tag": tag, "start": at, "nth": 0})
        assert await values() == [(9.0, True)]
        await c.control("world/delete-events", {"tag": tag, "start": at, "end": at + 1})
        assert await values() == []


async def test_tags_come_go_and_change_names() -> None:
    async with simulated() as c:
        _, body = await c.control("world/add-tags", {"count": 2, "created": NOW - HOUR})
        added = c.sim.world.find(body["names"][0])
        items = await c.recorded(c.sim.world.webid(added), NOW - HOUR, NOW)
        assert len(items) == len(c.sim.world.truth(added, NOW - HOUR, NOW + 1))
        old = c.sim.world.tag(1)
        await c.control("world/rename-tag", {"tag": old.name, "name": "Another name"})
        assert (await c.get("/points", path="\\\\PISRV01\\another NAME"))["Id"] == old.point_id
        assert (await c.status("/points", path=old.path))[0] == 404
        await c.control("world/delete-tag", {"tag": "Another name"})
        assert (await c.status(f"/streams/{c.id(0)}/recorded"))[0] == 200
        assert (await c.status(f"/points/I1DP{c.id(0)[4:26]}{'AgAAAA'}"))[0] == 404


async def test_tls_with_a_certificate_of_its_own() -> None:
    """Trusted through its CA file, and only so."""
    async with simulated(tls=True) as c:
        assert c.sim.url.startswith("https://")
        trusting = ssl.create_default_context(cafile=c.sim.ca_file)
        async with c.session.get(c.sim.url + "/", ssl=trusting) as response:
            assert (await response.json())["Links"]["Self"] == c.sim.url + "/"
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await c.get("/")
