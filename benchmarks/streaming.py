"""Live values end to end: ``python -m benchmarks.streaming --tags 5000 --rate 10000 --seconds 60``.

A simulator in a process of its own tells ``rate`` values a second on the channels of ``tags`` tags.

1. ``PIWebSocketClient`` with a callback: from the server's send to the callback, by the clock that both
   processes share. Each message counts once, when its first value arrives.
2. The streaming service into Delta: values per second, from a message's arrival to its commit, memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from deltalake import DeltaTable

from pi_lakeflow import PIWebSocketClient
from pi_lakeflow.app.stream import Following, stream
from pi_lakeflow.engines.embedded import Stop
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.settings import load

SERVER = """
import asyncio, json, sys
from pi_lakeflow.simulator import Live, SimulatorConfig, start_simulator
tags, rate, log = (float(text) for text in sys.argv[1:])
config = SimulatorConfig(tags=int(tags), uniform=True, density=rate / tags * 60 / 2,
                         live=Live(discarded=1, channel_log=int(log)))
async def main():
    async with start_simulator(config) as sim:
        print(sim.url, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@contextmanager
def server(tags: int, rate: float, log: int) -> Iterator[str]:
    """The URL of a simulator in another process."""
    arguments = [sys.executable, "-c", SERVER, str(tags), str(rate), str(log)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def control(url: str, name: str) -> Any:
    with urllib.request.urlopen(f"{url.removesuffix('/piwebapi')}/simulator/{name}") as answer:
        return json.load(answer)


async def callbacks(tags: int, rate: float, seconds: float) -> dict[str, float]:
    """From send to callback, in milliseconds."""
    arrived: dict[tuple[str, int], int] = {}
    count = 0

    def heard(tag: str, data: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        arrived.setdefault((tag, to_micros(data["timestamp"])), time.time_ns())

    with server(tags, rate, 3_000_000) as url:
        client = PIWebSocketClient(url, data_server="PISRV01")
        await client.connect()
        resolved = await client.aio.get(
            "dataservers", {"selectedFields": "Items.WebId;Items.Name", "webIdType": "IDOnly"}
        )
        points = await client.aio.get(
            f"dataservers/{resolved['Items'][0]['WebId']}/points",
            {"selectedFields": "Items.WebId", "webIdType": "IDOnly", "maxCount": tags},
        )
        listening = asyncio.create_task(client.listen())
        await client.subscribe_to_multiple_tags([item["WebId"] for item in points["Items"]], heard)
        await asyncio.sleep(3.0)
        count, began, cpu, since = 0, time.monotonic(), time.process_time(), time.time_ns()
        await asyncio.sleep(seconds)
        taken, cpu = time.monotonic() - began, time.process_time() - cpu
        pace = count / taken
        told = await asyncio.to_thread(control, url, "channels")
        await client.disconnect()
        await listening
    waits = [
        (arrived[webid, ticks // 10] - at) / 1e6
        for _, at, _, webid, ticks in told["messages"]
        if (webid, ticks // 10) in arrived and at >= since  # without the warm-up
    ]
    return {
        "values_per_second": round(pace),
        "messages": len(waits),
        "cpu_share": round(cpu / taken, 2),
        "p50_ms": round(float(np.percentile(waits, 50)), 1),
        "p99_ms": round(float(np.percentile(waits, 99)), 1),
    }


async def service(tags: int, rate: float, seconds: float, flush: float, folder: Path) -> dict[str, Any]:
    """The service into a lake below ``folder``."""
    with server(tags, rate, 0) as url:
        async with streaming(url, flush, folder) as following:
            await asyncio.sleep(5.0)  # channels open, gaps are filled
            pulse, began, cpu = following.engine.pulse, time.monotonic(), time.process_time()
            rows, values, memory = pulse.written, pulse.values, [psutil.Process().memory_info().rss]
            lags = []
            while time.monotonic() < began + seconds:
                await asyncio.sleep(1.0)
                memory.append(psutil.Process().memory_info().rss)
                lags.append(pulse.buffered)
            taken = time.monotonic() - began
            found = {
                "told_per_second": round((pulse.values - values) / taken),
                "written_per_second": round((pulse.written - rows) / taken),
                "cpu_share": round((time.process_time() - cpu) / taken, 2),
                "memory_mb_first_quarter": round(max(memory[: len(memory) // 4 + 1]) / 1e6),
                "memory_mb_max": round(max(memory) / 1e6),
                "channels": len(pulse.open),
                "duplicates": pulse.duplicates,
                "shed": pulse.shed,
                "disconnects": pulse.disconnects,
                "commits": pulse.commits,
            }
    return found | commit_latency(folder, flush)


@asynccontextmanager
async def streaming(url: str, flush: float, folder: Path) -> AsyncIterator[Following]:
    """A running stream of all tags."""
    settings = load(
        {
            "pi_web_api_url": url,
            "data_server": "PISRV01",
            "tags": "all",
            "lake": str(folder),
            "streaming": {"flush_interval": flush, "max_buffer_size": 100_000, "overlap": "10s"},
            "performance": {"max_workers": 8},
        }
    )
    stop, ready = Stop(), asyncio.get_running_loop().create_future()

    async def serve(following: Following) -> None:
        ready.set_result(following)

    task = asyncio.create_task(stream(settings, stop=stop, serve=serve))
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    following = ready.result()
    async with asyncio.timeout(120):
        while True:
            if len(following.engine.pulse.open) >= len(following.engine.lanes):
                break
            await asyncio.sleep(0.1)
    try:
        yield following
    finally:
        stop.drain()
        await task


def commit_latency(folder: Path, flush: float) -> dict[str, Any]:
    """Seconds from the arrival of the oldest row of a file to the file's commit."""
    table = DeltaTable(str(folder / "main" / "streaming" / "pi_timeseries_live"))
    files = pa.table(table.get_add_actions(flatten=True))
    oldest = files["min.received_at"].cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64()).to_numpy()
    written = (
        files["modification_time"].cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64()).to_numpy()
    )
    waits = (written - oldest) / 1e3
    return {
        "flush_interval_s": flush,
        "arrival_to_commit_p50_s": round(float(np.percentile(waits, 50)), 2),
        "arrival_to_commit_p99_s": round(float(np.percentile(waits, 99)), 2),
        "arrival_to_commit_max_s": round(float(waits.max()), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tags", type=int, default=5_000)
    parser.add_argument("--rate", type=float, default=10_000.0, help="values per second, all tags together")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--flush", type=float, default=5.0, help="flush interval in seconds")
    options = parser.parse_args()
    print(json.dumps({"tags": options.tags, "rate": options.rate, "seconds": options.seconds}))
    found = asyncio.run(callbacks(options.tags, options.rate, min(options.seconds, 30.0)))
    print(json.dumps({"callback": found}))
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(
            service(options.tags, options.rate, options.seconds, options.flush, Path(folder))
        )
    print(json.dumps({"service": result}))


if __name__ == "__main__":
    main()
