"""How tests are shared out when several processes run them: a file stays together, so does Spark.

Examples of a property have no deadline: a busy computer is not a wrong answer.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile(
    "no deadline", settings.get_profile(settings.get_current_profile_name()), deadline=None
)
settings.load_profile("no deadline")

TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files share servers; all Spark tests share one session, which takes long to start."""
    for item in items:
        place = item.path.relative_to(TESTS)
        group = place.parts[0] if place.parts[0] == "spark" else str(place)
        item.add_marker(pytest.mark.xdist_group(group))
