"""Every documented parameter of the routes that are served is looked at, in any case."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from recipes import urls
from serving import serving
from shapes import LEFT_OUT, ROUTES, SOCKETS
from walk import Walk

from pi_lakeflow.simulator.http.call import Call

# Documented, without a meaning for a simulated server: parameter -> why.
MEANINGLESS = {
    "asparallel": "how the server works inside, not what it answers",
    "forcerefresh": "there is no cache of rights",
    "securityitem": "all kinds of objects have the same entries",
    "includemode": "which words it takes besides All is not public",
}
# The same on one route.
MEANINGLESS_ON = {
    ("/eventframes/{webId}/attributes", "searchfullhierarchy"): "attributes of frames have no children",
    ("/eventframes/{webId}/attributes", "showexcluded"): "none of them is excluded",
    ("/eventframes/{webId}/attributes", "showhidden"): "none of them is hidden",
}
# Read from the query as a whole, since their order counts.
IN_ORDER = {"webid", "path"}
_VALUES: dict[str, Any] = {
    "boolean": "false",
    "integer": 5,
    "startTime": "*-1d",
    "endTime": "*",
    "interval": "1h",
    "sampleInterval": "1h",
    "summaryDuration": "1d",
    "syncTime": "*-12h",
    "timeZone": "UTC",
    "webIdType": "IDOnly",
    "maxCount": 5,
    "startIndex": 0,
    "sampleType": "Interval",
    "searchMode": "Overlapped",
    "sortField": "Name",
    "time": "2026-03-29 07:00",
    "filterExpression": "'.' > -1000000",
}


@pytest.fixture(scope="module")
def looked_at() -> Iterator[tuple[Walk, dict[str, set[str]]]]:
    """A walked server, and what its routes looked at."""
    seen: dict[str, set[str]] = defaultdict(set)
    plain = Call.texts

    def texts(call: Call, name: str) -> list[str]:
        seen[call.route].add(name.casefold())
        return plain(call, name)

    with pytest.MonkeyPatch.context() as patch, serving() as walk:
        patch.setattr(Call, "texts", texts)
        yield walk, seen


@pytest.mark.parametrize("route", sorted(set(ROUTES) - SOCKETS - set(LEFT_OUT)))
def test_each_parameter_is_looked_at(looked_at: tuple[Walk, dict[str, set[str]]], route: str) -> None:
    walk, seen = looked_at
    documented = ROUTES[route]["parameters"]
    seen.clear()
    for path, query in list(urls(route, walk))[:4]:
        more = {n.rstrip("!"): _value(n.rstrip("!"), kind) for n, kind in documented.items()}
        walk.get(path, {name.upper(): value for name, value in ({**more, **query}).items() if value != ""})
    ignored = set(MEANINGLESS) | (IN_ORDER if route.endswith("/multiple") else set())
    wanted = {name.rstrip("!").casefold() for name in documented} - ignored
    wanted -= {name for at, name in MEANINGLESS_ON if at == route}
    assert not wanted - set().union(*seen.values())


def _value(name: str, kind: str) -> Any:
    return _VALUES.get(name, _VALUES.get(kind, ""))
