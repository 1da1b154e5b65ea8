"""What a data engineer would write first: requests, pandas, and an append to Delta now and then.

    python -m benchmarks.naive loop|threads URL SINCE UNTIL LAKE

``loop`` asks for one tag after the other; ``threads`` does the same with 20 threads. It holds for
a server without bad tags, broken answers or limits, writes twice what it reads twice, and remembers
nothing: it is here for the sake of its speed only.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import requests
from deltalake import write_deltalake

TAGS_OF_AN_APPEND = 200
_local = threading.local()


def session() -> requests.Session:
    """One per thread."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    return _local.session


def all_points(url: str) -> list[dict[str, str]]:
    """WebId and name of each tag."""
    server = session().get(f"{url}/dataservers").json()["Items"][0]
    points: list[dict[str, str]] = []
    while True:
        query = {"maxCount": 1000, "startIndex": len(points), "selectedFields": "Items.WebId;Items.Name"}
        page = session().get(f"{url}/dataservers/{server['WebId']}/points", params=query).json()["Items"]
        points += page
        if len(page) < 1000:
            return points


def recorded(url: str, point: dict[str, str], since: str, until: str) -> pd.DataFrame:
    """The events of one tag."""
    query = {"startTime": since, "endTime": until, "maxCount": 150_000, "boundaryType": "Inside"}
    answer = session().get(f"{url}/streams/{point['WebId']}/recorded", params=query)
    answer.raise_for_status()
    frame = pd.DataFrame(answer.json()["Items"])
    frame["Timestamp"] = pd.to_datetime(frame["Timestamp"], format="ISO8601", utc=True).astype(
        "datetime64[us, UTC]"
    )
    frame = frame[frame["Timestamp"] < pd.Timestamp(until)]
    frame = frame.rename(columns={"Timestamp": "timestamp", "Value": "value", "Good": "good"})
    frame["tag_webid"], frame["tag_name"] = point["WebId"], point["Name"]
    return frame[["tag_webid", "tag_name", "timestamp", "value", "good"]]


def frames(
    url: str, points: list[dict[str, str]], since: str, until: str, threads: int
) -> Iterable[pd.DataFrame]:
    """The events of all tags, tag by tag."""
    if threads == 1:
        yield from (recorded(url, point, since, until) for point in points)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(lambda point: recorded(url, point, since, until), points)


def grouped(found: Iterable[pd.DataFrame], size: int) -> Iterator[pd.DataFrame]:
    """Frames of ``size`` tags each."""
    group: list[pd.DataFrame] = []
    for frame in found:
        group.append(frame)
        if len(group) == size:
            yield pd.concat(group, ignore_index=True)
            group = []
    if group:
        yield pd.concat(group, ignore_index=True)


def main() -> None:
    """Read everything, and say how many rows and requests it was."""
    how, url, since, until, lake = sys.argv[1:]
    points, rows = all_points(url), 0
    threads = {"loop": 1, "threads": 20}[how]
    for frame in grouped(frames(url, points, since, until, threads), TAGS_OF_AN_APPEND):
        write_deltalake(lake, frame, mode="append")
        rows += len(frame)
    print(json.dumps({"rows": rows, "requests": len(points) + 2}))


if __name__ == "__main__":
    main()
