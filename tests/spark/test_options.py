"""Options of the data source: the configuration's keys and Spark's own, checked."""

from __future__ import annotations

import pickle

import pytest

from pi_lakeflow.engines.spark.budget import carried, share_of
from pi_lakeflow.engines.spark.options import read_options, write_options
from pi_lakeflow.errors import SettingsError

URL = {"pi_web_api_url": "https://pi/piwebapi"}


def test_names_are_read_in_any_case_and_without_underscores() -> None:
    """Spark lowers the case of options; people write camel case."""
    found = read_options(
        {**URL, "MAXRECORDSPERBATCH": "7", "performance.Max_Workers": "3", "TAGS": '["A","B"]'}
    )
    assert (found.max_records, found.settings.performance.max_workers) == (7, 3)
    assert [str(selector) for selector in found.settings.tags] == ["A", "B"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("pi_web_api_ulr", "pi_web_api_url"),
        ("maxRecordPerBatch", "max_records_per_batch"),
        ("tabel", "table"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    """An ignored option is a query that does something else than was meant."""
    with pytest.raises(SettingsError) as caught:
        read_options({**URL, name: "x"})
    assert caught.value.subject == name
    assert nearest in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("partitions", "0"),
        ("window", "soon"),
        ("pushdown", "perhaps"),
        ("settle", "a while"),
        ("rediscover", "0"),
    ],
)
def test_a_value_that_does_not_fit_names_its_option(name: str, value: str) -> None:
    """The message says which option and what was written."""
    with pytest.raises(SettingsError, match=name):
        read_options({**URL, name: value})


def test_files_come_in_larger_micro_batches_unless_the_bound_is_set() -> None:
    """Rows that do not pass through Spark need not be bounded as tightly; what is written down holds."""
    rows, files = read_options(URL).max_records, read_options({**URL, "deliver": "files"}).max_records
    assert rows < files
    bound = {"maxRecordsPerBatch": "777"}
    assert read_options({**URL, **bound, "deliver": "files"}).max_records == 777


def test_what_the_platform_adds_is_ignored() -> None:
    """``load(path)`` and connection injection add options of their own."""
    assert read_options({**URL, "path": "x", "databricks.connection": "c"}).table == "pi_timeseries"


def test_the_parts_of_the_budget_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tasks together never have more requests in flight, or per second, than configured."""
    monkeypatch.setenv("PI_PASSWORD", "hush")
    given = {**URL, "performance.max_workers": "7", "performance.rate_limit": "10"}
    auth = {"auth.type": "basic", "auth.username": "u", "auth.password": "env:PI_PASSWORD"}
    settings = read_options({**given, **auth}).settings
    shares = [share_of(settings, 3, index) for index in range(3)]
    assert sum(share.performance.max_in_flight for share in shares) == 7
    assert sum(share.performance.rate_limit or 0 for share in shares) == pytest.approx(10)
    monkeypatch.delenv("PI_PASSWORD")  # an executor has not got it
    sent = pickle.loads(pickle.dumps(shares[0]))
    assert sent.auth.reveal()["password"] == "hush"
    assert "hush" not in repr(sent)
    assert b"hush" not in pickle.dumps(shares[0])


def test_keys_of_the_store_travel_with_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that writes has not got the driver's environment either."""
    monkeypatch.setenv("LAKE_KEY", "hush")
    storage = '{"AWS_SECRET_ACCESS_KEY": "env:LAKE_KEY"}'
    settings = carried(write_options({"lake": "s3://lake", "lake.storage_options": storage}).settings)
    monkeypatch.delenv("LAKE_KEY")
    assert pickle.loads(pickle.dumps(settings)).lake.options() == {"AWS_SECRET_ACCESS_KEY": "hush"}
