"""Alarms through the connector and the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from plant import NOW, Plant, plant

from pi_lakeflow import PILakeflowConnector
from pi_lakeflow.app.source import open_lake
from pi_lakeflow.cli.program import run
from pi_lakeflow.historians.pi.tables.alarms import PI_ALARM_EVENTS
from pi_lakeflow.historians.pi.tables.eventframes import PI_EVENT_FRAMES
from pi_lakeflow.simulator import Fault, FramePlan
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.annotations import annotations_at
from pi_lakeflow.simulator.world.events import ANNOTATED
from pi_lakeflow.sinks.delta import DeltaLake

SMALL = FramePlan(alarm_tags=2, standing=3, downtime_units=1, batch_reactors=0)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def works() -> Iterator[Plant]:
    with plant(frames=SMALL, tags=80) as made:
        yield made


def test_extract_alarms_makes_annotations_and_frames_alarms(works: Plant, tmp_path: Path) -> None:
    world = works.sim.world
    tags = [tag for tag in world.tags() if tag.kind == "number" and t.SECOND < tag.period < t.HOUR][:4]
    connector = PILakeflowConnector(
        {
            "pi_web_api_url": works.url,
            "lake": str(tmp_path / "lake"),
            "tags": [world.webid(tag) for tag in tags],
            "since": "2026-03-25T00:00:00Z",
            "settle": 0,
            "extract_alarms": True,
        }
    )
    report = connector.run()
    rows = open_lake(connector.settings).table(PI_ALARM_EVENTS).read().to_pylist()
    truth = set()
    for tag in tags:
        events = world.archive.events(
            tag, t.from_datetime(NOW.replace(day=25, hour=0)), t.from_datetime(NOW) - 1
        )
        marked = events.ticks[(events.flags & ANNOTATED) != 0].tolist()
        truth |= {(world.webid(tag), str(note.id)) for at in marked for note in annotations_at(tag, at)}
    assert report.alarms is not None
    assert report.alarms.annotated_tags == len({tag for tag, _ in truth}) > 1
    assert {(r["tag_webid"], r["annotation_id"]) for r in rows if r["source"] == "annotation"} == truth
    assert any(row["source"] == "event_frame" for row in rows)
    noted = [row for row in rows if row["source"] == "annotation"]
    for name in ("value", "creator", "annotation_time", "good", "description", "alarm_name"):
        assert any(row[name] is not None for row in noted), name
    version = open_lake(connector.settings).table(PI_ALARM_EVENTS).version()
    connector.run()
    assert open_lake(connector.settings).table(PI_ALARM_EVENTS).version() == version


def test_the_command_and_its_json(works: Plant, tmp_path: Path, capsys: Capture) -> None:
    where = ["--url", works.url, "--lake", str(tmp_path / "lake"), "--set", "since=2026-03-20T00:00:00Z"]
    assert run(["alarms", *where, "--set", "alarms.databases=[plant]", "--json"]) == 0
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (end["command"], end["databases"]) == ("alarms", 1)
    assert end["frames_inserted"] == end["frames_read"] > 50
    assert run(["alarms", *where]) == 0
    assert "0 new, 0 changed, 0 gone" in capsys.readouterr().out


def test_an_unknown_database_is_named_with_the_nearest(works: Plant, tmp_path: Path, capsys: Capture) -> None:
    where = ["--url", works.url, "--lake", str(tmp_path / "lake"), "--set", "alarms.databases=[Plantt]"]
    assert run(["alarms", *where]) == 2
    assert "did you mean Plant?" in capsys.readouterr().err


def test_a_frame_that_cannot_be_read_whole_is_tried_again(
    works: Plant, tmp_path: Path, capsys: Capture
) -> None:
    """It is kept, told, and completed by the next run."""
    where = ["--url", works.url, "--lake", str(tmp_path / "lake"), "--set", "since=2026-03-27T00:00:00Z"]
    number = works.sim.faults.add(
        Fault("status", route="/streamsets/*/value", status=403, batch=True, count=3)
    )
    assert run(["alarms", *where]) == 1
    assert "Left behind" in capsys.readouterr().err
    works.sim.faults.remove(number)
    assert run(["alarms", *where]) == 0
    table = DeltaLake(str(tmp_path / "lake")).table(PI_EVENT_FRAMES).read()
    assert all(table["is_complete"].to_pylist())


def test_the_report_is_over_what_the_lake_knows(works: Plant, tmp_path: Path, capsys: Capture) -> None:
    """A year of which a week was read has the rates of that week; of another year nothing is said."""
    lake = ["--url", works.url, "--lake", str(tmp_path / "lake")]
    assert run(["alarms", *lake, "--set", "since=2026-03-25T00:00:00Z"]) == 0
    capsys.readouterr()
    assert run(["alarms", "report", *lake, "--since", "2020-01-01", "--json"]) == 0
    (told, *_) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert told["since"].startswith("2026-03-25T00:00:00")
    assert told["until"][:13] == f"{NOW:%Y-%m-%dT%H}"
    days = (
        NOW - NOW.replace(month=3, day=25, hour=0, minute=0, second=0, microsecond=0)
    ).total_seconds() / 86400
    figures = {each["name"]: each["value"] for each in told["figures"]}
    assert figures["Alarms per operator and day"] == pytest.approx(told["alarms"] / days, rel=1e-3)
    assert run(["alarms", "report", *lake, "--year", "2020"]) == 2
    assert "from 2026-03-25T00:00:00 to" in (said := capsys.readouterr().err)
    assert "pi-lakeflow alarms --since" in said
    assert run(["alarms", *lake, "--since", "2026-03-20T00:00:00Z"]) == 0
    capsys.readouterr()
    assert run(["alarms", "report", *lake, "--since", "2020-01-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["since"].startswith("2026-03-20T00:00:00")
