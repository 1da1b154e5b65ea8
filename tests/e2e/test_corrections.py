"""What changes in the archive after a run, as the commands find it and put it right."""

from __future__ import annotations

import json
import signal

from deltalake import DeltaTable
from tests.e2e.sites import HOUR, NOW, SETTLED, Site, ended, names

from pi_lakeflow.model.span import SECOND
from pi_lakeflow.simulator import NewEvent


def test_reconcile_finds_and_repair_restores(site: Site) -> None:
    """The archive changes after the run; counts show it, repair puts it right, and the feed tells."""
    site.run("run")
    tag = names(site.sim)[3]
    at = NOW - 3 * HOUR
    site.sim.world.late_events(tag, [NewEvent(at + 1, 5.0), NewEvent(at + 2, 6.0)])
    found = site.run("reconcile", "--json")
    assert found.returncode == 1, found.stderr
    differs = [event for event in found.events if event["event"] == "differs"]
    assert [(event["tag"], int(event["server"]) - int(event["lake"])) for event in differs] == [(tag, 2)]
    assert "1 tag" in site.run("reconcile").stdout
    repaired = site.run("repair")
    assert repaired.returncode == 0
    assert "2 rows (2 new, 0 changed, 0 gone)" in repaired.stdout
    assert site.rows() == site.truth(NOW - 6 * HOUR, SETTLED)
    assert site.run("reconcile").returncode == 0
    path = str(site.folder / "lake/main/bronze/pi_timeseries")
    version = DeltaTable(path).version()
    assert DeltaTable(path).load_cdf(version).read_all().num_rows == 2
    site.sim.world.edit_event(tag, NewEvent(at + 1, 7.0))
    assert site.run("reconcile").returncode == 0  # an edit changes no count
    assert site.run("reconcile", "--read").returncode == 1
    again = site.run("run", late_data={"look_back": "6h"})
    assert "Corrected: 1 row" in again.stdout
    site.sim.world.delete_events(tag, at, at + 10)
    assert site.run("run", late_data={"reconcile": "6h"}).returncode == 0
    assert site.rows() == site.truth(NOW - 6 * HOUR, SETTLED)
    assert site.rows("pi_reconciliation") > 0


def test_stream_follows_the_archive(site: Site) -> None:
    """In mode `updates` an edit is in the lake while the command runs; SIGTERM ends it well."""
    site.run("run")
    fast = {"mode": "updates", "poll_interval": "200ms", "flush_interval": "1s"}
    process = site.start("stream", "--json", "--progress-every", "0.3", streaming=fast)
    tag = site.sim.world.tag(5)
    at = NOW - 90 * 60 * SECOND
    edited = False
    for line in process.stdout or ():
        event = json.loads(line)
        if event["event"] == "progress" and event.get("polls", 0) > 1 and not edited:
            site.sim.world.late_events(tag, [NewEvent(at, 1.0)])
            edited = True
        if event.get("inserted") == 1:
            process.send_signal(signal.SIGTERM)
            break
    done = ended(process)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["event"], last["inserted"], last["followed"]) == ("end", 1, 20)
    assert site.rows() == site.truth(NOW - 6 * HOUR, SETTLED)
