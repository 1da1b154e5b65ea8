"""Half a million tags: how fast a simulator is there, what it weighs, and whether it serves any of them.

    python -m benchmarks.simulator_scale [--tags 500000] [--reads 2000]

A process of its own serves; this one asks. Memory is the resident set of the server, read from the
system after each step.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from pi_lakeflow.simulator import World
from pi_lakeflow.simulator.world.assets import Assets

_NOW = "2026-03-01T00:00:00Z"
_FLAGS = ("--now", _NOW, "--rate-limit", "0")


@dataclass
class Server:
    """The process that serves."""

    url: str
    process: psutil.Process
    seconds: float  # from the start of the process to its first answer

    def get(self, path: str, /, **query: Any) -> Any:
        """The JSON of a GET."""
        text = "?" + urllib.parse.urlencode(query, doseq=True) if query else ""
        with urllib.request.urlopen(self.url + path + text, timeout=120) as answer:
            return json.load(answer)

    @property
    def megabytes(self) -> float:
        return float(self.process.memory_info().rss) / 1e6


@contextmanager
def serving(tags: int) -> Iterator[Server]:
    """A simulator with that many tags, from its start to its first answer."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "pi_lakeflow.simulator", "--tags", str(tags), *_FLAGS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = Server(json.loads(process.stdout.readline())["url"], psutil.Process(process.pid), 0.0)
        server.get("/dataservers")
        server.seconds = time.perf_counter() - begun
        try:
            yield server
        finally:
            process.terminate()


def tell(what: str, begun: float, server: Server, count: int = 1) -> None:
    """One line: seconds, per piece, memory."""
    seconds = time.perf_counter() - begun
    print(f"{what:58}{seconds:9.2f} s{seconds / count * 1e3:10.2f} ms each{server.megabytes:8.0f} MB")


def read_anywhere(server: Server, world: World, count: int, dice: random.Random) -> int:
    """Random tags from all over, a day each: by WebId, fifty in a call. Events read."""
    events, size = 0, world.size()
    for _ in range(count // 50):
        tags = [world.tag(dice.randrange(size)) for _ in range(50)]
        ids = [world.webid(tag) for tag in tags]
        items = server.get("/streamsets/recorded", webId=ids, maxCount=2000, startTime="*-1d")["Items"]
        assert [item["Path"] for item in items] == [tag.path for tag in tags]
        events += sum(len(item["Items"]) for item in items)
    return events


def find_anywhere(server: Server, world: World, count: int, dice: random.Random) -> None:
    """Random points by path, and their attributes and elements."""
    assets, size = world.part(Assets), world.size()
    for _ in range(count):
        tag = world.tag(dice.randrange(size))
        assert server.get("/points", path=tag.path)["Id"] == tag.point_id
        attribute = assets.attribute_of(tag)
        found = server.get("/attributes", path=attribute.path)
        assert found["Name"] == attribute.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=500_000)
    parser.add_argument("--reads", type=int, default=2_000)
    options = parser.parse_args()
    dice, world = random.Random(7), World(tags=options.tags)
    with serving(options.tags) as server:
        print(f"{options.tags:,} tags: first answer after {server.seconds:.2f} s, {server.megabytes:.0f} MB")
        begun = time.perf_counter()
        find_anywhere(server, world, 200, dice)
        tell("200 random points and their attributes by path", begun, server, 200)
        begun = time.perf_counter()
        events = read_anywhere(server, world, options.reads, dice)
        tell(f"a day of {options.reads:,} random tags, {events:,} events", begun, server, options.reads)
        home = server.get("/dataservers")["Items"][0]["WebId"]
        for start in (0, options.tags // 2, options.tags - 1000):
            begun = time.perf_counter()
            page = server.get(f"/dataservers/{home}/points", startIndex=start)
            tell(f"1,000 points from number {start:,} on", begun, server, len(page["Items"]))
        begun = time.perf_counter()
        found = server.get("/points/search", query="*PUMP*FLOW*")
        tell(f"a search over all names, {len(found['Items']):,} on its first page", begun, server)
        base = server.get("/assetservers")["Items"][0]["Links"]["Databases"].removeprefix(server.url)
        elements = server.get(base)["Items"][0]["Links"]["Elements"].removeprefix(server.url)
        begun = time.perf_counter()
        page = server.get(elements, searchFullHierarchy="true", startIndex=100_000)
        tell("1,000 elements from number 100,000 of the hierarchy on", begun, server, len(page["Items"]))


if __name__ == "__main__":
    main()
