"""A key is read somewhere, or it says that it is not used yet."""

from __future__ import annotations

import re
from pathlib import Path

from pi_lakeflow.settings import load, without_effect
from pi_lakeflow.settings.schema import DECLARED

SOURCE = Path(__file__).resolve().parents[2] / "src" / "pi_lakeflow"
# Read through a method of their section: Auth.reveal, Performance.pool_size and max_in_flight.
THROUGH_METHODS = {path for path in DECLARED.leaves if path.startswith("auth.")} | {
    "performance.connection_pool_size",
    "performance.max_workers",
    "lake.storage_options",
    "historian",  # a choice of one
    "performance_mode",  # settles the defaults of two others
}


def test_keys_without_reader_are_marked_and_no_others() -> None:
    others = (
        p for p in SOURCE.rglob("*.py") if p.relative_to(SOURCE).parts[0] not in ("settings", "simulator")
    )
    code = "\n".join(path.read_text(encoding="utf-8") for path in others)

    def is_read(path: str) -> bool:
        section, _, name = path.rpartition(".")
        owner = section or "settings"
        return re.search(rf"\b{owner}\.{name}\b", code) is not None

    unread = {path for path in DECLARED.leaves if not is_read(path)} - THROUGH_METHODS
    assert unread == {path for path, leaf in DECLARED.leaves.items() if not leaf.used}


def test_setting_a_key_without_effect_is_told() -> None:
    unused = [path for path, leaf in DECLARED.leaves.items() if not leaf.used]
    flags = {path: {"true": "yes", "false": "yes"}.get(leaf_text(path), "1") for path in unused}
    flags |= {"streaming.mode": "updates", "alarms.min_severity": "major"}
    flags |= {"performance.min_batch_size": 2, "performance.adaptive_sizing": "no"}
    flags |= {"performance.max_batch_size": 300}
    given = {path: flags[path] for path in unused}
    settings = load({"pi_web_api_url": "https://pi/piwebapi"}, flags=given, environ={})
    assert without_effect(settings) == unused
    assert without_effect(load({"pi_web_api_url": "https://pi/piwebapi"}, environ={})) == []


def leaf_text(path: str) -> str:
    leaf = DECLARED.leaves[path]
    return str(leaf.default).lower()
