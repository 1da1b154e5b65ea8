"""Configurations as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pi_lakeflow.settings import Settings, load

URL = "https://pi-server.com/piwebapi"


BASIC = {"type": "basic", "username": "user", "password": "pass"}


def quick(**config: Any) -> Settings:
    return load({"pi_web_api_url": URL, **config}, environ={})


def origin_of(settings: Settings, key: str) -> str:
    return str(settings.origins[key])


def write(folder: Path, text: str) -> Path:
    path = folder / "pi-lakeflow.yaml"
    path.write_text(text, encoding="utf-8")
    return path


LARGE = {
    "pi_web_api_url": URL,
    "auth": {"type": "kerberos"},
    "catalog": "main",
    "schema": "bronze",
    "tags": [f"F1DP-TAG-{i:06d}" for i in range(1, 2001)],
    "performance": {
        "base_batch_size": 150,
        "max_workers": 50,
        "adaptive_sizing": True,
        "connection_pool_size": 100,
        "enable_compression": True,
    },
}


INTEGRATION = {
    "pi_web_api_url": URL,
    "auth": BASIC,
    "catalog": "main",
    "schema": "bronze",
    "tags": ["A", "B"],
    "extract_alarms": True,
    "enable_streaming": False,
    "performance_mode": "optimized",
    "adaptive_batching": True,
    "max_workers": 20,
}
