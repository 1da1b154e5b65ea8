"""The pages of a stream."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from typing import Any

import pytest

from pi_lakeflow.engines.metrics import watched
from pi_lakeflow.errors import SettingsError

STATUS = {"written": 7, "channels": 2, "channels_open": 1, "tags": {"A": 1.5}, "problems": ["1 of 2 ..."]}


def read(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def test_health_tells_problems_and_metrics_tell_numbers() -> None:
    status: dict[str, Any] = dict(STATUS)
    async with watched(lambda: status, host="127.0.0.1", port=0) as port:
        root = f"http://127.0.0.1:{port}"
        code, text = await asyncio.to_thread(read, f"{root}/health")
        assert (code, "1 of 2" in text) == (503, True)
        status["problems"] = []
        assert (await asyncio.to_thread(read, f"{root}/health"))[0] == 200
        code, text = await asyncio.to_thread(read, f"{root}/metrics")
        assert "pi_lakeflow_stream_written_total 7.0" in text
        assert 'pi_lakeflow_stream_tag_lag_seconds{tag="A"} 1.5' in text
        assert (await asyncio.to_thread(read, f"{root}/elsewhere"))[0] == 404


async def test_a_port_that_is_taken_is_an_error_of_the_settings() -> None:
    async with watched(lambda: STATUS, host="127.0.0.1", port=0) as port:
        with pytest.raises(SettingsError, match="cannot listen"):
            async with watched(lambda: STATUS, host="127.0.0.1", port=port):
                pass
