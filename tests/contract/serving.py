"""The server that is compared with the contract, and which of its routes are due."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from urllib.parse import urlsplit

from walk import BASIC, Walk

from pi_lakeflow.simulator import Auth, FixedClock, SimulatorConfig, run_in_thread
from pi_lakeflow.simulator.http.router import discover

NOW = int(datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp()) * 1_000_000


@contextmanager
def serving() -> Iterator[Walk]:
    """A server as of 2018 SP1, which the description is of, walked from its root."""
    auth = Auth(methods=("basic",))
    config = SimulatorConfig(tags=60, clock=FixedClock(NOW), version="1.11.1.5383", gzip=False, auth=auth)
    with run_in_thread(config) as sim:
        walk = Walk(sim.url)
        walk.from_root()
        with _channel(walk, config.base_path):
            yield walk


@contextmanager
def _channel(walk: Walk, base_path: str) -> Iterator[None]:
    """An open channel, so that there is one to list."""
    host, _, port = urlsplit(walk.base).netloc.partition(":")
    point = walk.some("points", 1)[0]["WebId"]
    with socket.create_connection((host, int(port)), timeout=20) as line:
        head = [
            f"GET {base_path}/streams/{point}/channel HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            f"Authorization: {BASIC}",
        ]
        line.sendall("\r\n".join([*head, "", ""]).encode())
        assert b" 101 " in line.recv(4096)
        yield


@cache
def served() -> set[str]:
    return {shape_of(pattern) for method, pattern in discover().patterns() if method == "GET"}


def shape_of(pattern: str) -> str:
    return re.sub(r"\{\w+\}", "{}", pattern.partition("#")[0]).casefold()
