"""Each key is read somewhere."""

from __future__ import annotations

import re
from pathlib import Path

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


def test_every_key_has_a_reader() -> None:
    others = (
        p for p in SOURCE.rglob("*.py") if p.relative_to(SOURCE).parts[0] not in ("settings", "simulator")
    )
    code = "\n".join(path.read_text(encoding="utf-8") for path in others)

    def is_read(path: str) -> bool:
        section, _, name = path.rpartition(".")
        owner = section or "settings"
        return re.search(rf"\b{owner}\.{name}\b", code) is not None

    unread = {path for path in DECLARED.leaves if not is_read(path)} - THROUGH_METHODS
    assert unread == set()
