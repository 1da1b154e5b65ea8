"""The documented streaming program, as a process of its own: only host, tags and Spark are ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from pi_lakeflow.errors import SinkUnavailable
from pi_lakeflow.historians.pi.tables.live import PI_TIMESERIES_LIVE
from pi_lakeflow.model.span import to_micros
from pi_lakeflow.simulator import FixedClock, Live, SimulatorConfig, run_in_thread
from pi_lakeflow.sinks.delta import DeltaLake

BEFORE = """
import pyarrow as pa


class spark:
    createDataFrame = staticmethod(pa.Table.from_pylist)
"""
EXAMPLE = """
import asyncio
from pi_lakeflow import PIWebSocketClient, StreamingBuffer
from pi_lakeflow import DeltaLakeWriter

async def stream_pi_data():
    # Initialize WebSocket client
    client = PIWebSocketClient(
        base_url='https://pi-server.com/piwebapi',
        username='user',
        password='pass'
    )

    # Connect
    await client.connect()

    # Initialize streaming buffer
    buffer = StreamingBuffer(
        flush_interval_seconds=60,  # Flush every minute
        max_buffer_size=10000        # Or when 10K records accumulated
    )

    # Initialize Delta writer
    writer = DeltaLakeWriter(catalog='main', schema='streaming')

    # Define callback for handling real-time data
    def handle_streaming_data(tag_webid: str, data: dict):
        print(f"Received: {tag_webid} = {data['value']} at {data['timestamp']}")

        # Add to buffer
        buffer.add_record(tag_webid, data)

        # Check if buffer should be flushed
        if buffer.should_flush():
            records = buffer.get_and_clear()

            # Convert to DataFrame
            df = spark.createDataFrame(records)

            # Write to Delta Lake
            writer.write_timeseries(df)
            print(f"Flushed {len(records)} records to Delta Lake")

    # Subscribe to tags
    tags = ['F1DP-TAG-001', 'F1DP-TAG-002', 'F1DP-TAG-003']
    await client.subscribe_to_multiple_tags(tags, handle_streaming_data)

    # Listen for updates (blocks until connection closes)
    await client.listen()

    # Cleanup
    await client.disconnect()

# Run the streaming client
asyncio.run(stream_pi_data())
"""
NOW = to_micros(datetime(2026, 3, 29, 12, tzinfo=UTC))


def test_the_documented_program_fills_the_lake(tmp_path: Path) -> None:
    """10,000 records are written at once, each with the id under which it was subscribed to."""
    config = SimulatorConfig(
        tags=3, uniform=True, density=600.0, clock=FixedClock(NOW), live=Live(poll_seconds=0.02)
    )
    with run_in_thread(config) as sim:
        text = BEFORE + EXAMPLE.replace("https://pi-server.com/piwebapi", sim.url)
        ids = [sim.world.webid(tag, "Full") for tag in sim.world.tags()]
        for number, webid in enumerate(ids, 1):
            text = text.replace(f"F1DP-TAG-{number:03}", webid)
        process = subprocess.Popen(
            [sys.executable, "-c", text],
            env={**os.environ, "PI_LAKEFLOW_LAKE": str(tmp_path), "PYTHONWARNINGS": "ignore"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            rows = _wait_for_rows(sim.world.clock, process, tmp_path)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    assert len(rows) == 10_000
    assert set(rows["tag_webid"].to_pylist()) == set(ids)


def _wait_for_rows(clock: FixedClock, process: subprocess.Popen[bytes], lake: Path):  # type: ignore[no-untyped-def]
    table = DeltaLake(str(lake), "main", "streaming").table(PI_TIMESERIES_LIVE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        clock.advance(20_000_000)
        time.sleep(0.1)
        try:
            if len(rows := table.read()) >= 10_000:
                return rows
        except SinkUnavailable:
            continue
    raise AssertionError("nothing was written")
