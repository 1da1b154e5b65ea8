"""The bundle: accepted by the official models, without secrets, balanced, honest about its limits."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from databricks.bundles.jobs import Job
from databricks.bundles.pipelines import Pipeline
from databricks.bundles.schemas import Schema
from databricks.bundles.secret_scopes import SecretScope
from databricks.bundles.volumes import Volume
from hypothesis import given
from hypothesis import strategies as st

from pi_lakeflow.app.deploy import Deployment, balanced, deploy
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings import Settings, load

CONFIG: dict[str, Any] = {
    "pi_web_api_url": "https://pi.example.com/piwebapi",
    "auth": {"type": "basic", "username": "svc-pi", "password": "env:PI_PASSWORD"},
    "catalog": "plant",
    "since": "*-30d",
    "performance": {"max_workers": 12, "rate_limit": 30},
    "time_zone": "Europe/Berlin",
}
MODELS: Mapping[str, Callable[[Any], object]] = {
    "pipelines": Pipeline.from_dict,
    "jobs": Job.from_dict,
    "schemas": Schema.from_dict,
    "secret_scopes": SecretScope.from_dict,
    "volumes": Volume.from_dict,
}


def settings(**changes: object) -> Settings:
    return load({**CONFIG, **changes}, environ={})


@pytest.fixture
def plan(tmp_path: Path) -> Deployment:
    loads = {f"webid:I1DPtag{number}": float(number % 7 + 1) for number in range(40)}
    return Deployment(folder=tmp_path / "bundle", loads=loads, pipelines=3, viewers="engineers")


def documents(folder: Path) -> dict[str, Any]:
    return {path.name: yaml.safe_load(path.read_text()) for path in folder.rglob("*.yml")}


def test_every_resource_is_one_that_the_official_models_accept(plan: Deployment) -> None:
    """The models refuse unknown and missing fields."""
    deploy(settings(), plan)
    seen = set()
    for name, document in documents(plan.folder).items():
        for kind, held in document.get("resources", {}).items():
            for key, resource in held.items():
                MODELS[kind](resource)
                seen.add((name, kind, key))
    assert {(k, key) for _, k, key in seen} == {
        *(("pipelines", f"bronze_0{number}") for number in (1, 2, 3)),
        *(("pipelines", "silver"), ("jobs", "update"), ("schemas", "bronze"), ("schemas", "silver")),
        *(("secret_scopes", "historian"), ("volumes", "state")),
    }


def test_the_models_do_refuse_what_they_do_not_know() -> None:
    """Else the test above would prove nothing."""
    with pytest.raises(Exception, match="glob_everything"):
        Pipeline.from_dict({"name": "x", "glob_everything": True})  # type: ignore[typeddict-unknown-key]


def test_references_lead_to_resources_of_the_bundle(plan: Deployment) -> None:
    deploy(settings(), plan)
    held = documents(plan.folder)
    resources = {
        f"{kind}.{key}"
        for document in held.values()
        for kind, found in document.get("resources", {}).items()
        for key in found
    }
    variables = held["databricks.yml"]["variables"]
    for path in plan.folder.rglob("*.yml"):
        for part in path.read_text().split("${")[1:]:
            kind, _, rest = part.partition("}")[0].partition(".")
            if kind == "resources":
                assert rest.rpartition(".")[0] in resources
            elif kind == "var":
                assert rest in variables


def test_each_tag_is_in_one_group_and_the_budget_is_shared(plan: Deployment) -> None:
    rendered = deploy(settings(), plan)
    lists = [(plan.folder / f"config/tags-0{number}.txt").read_text().split() for number in (1, 2, 3)]
    assert sorted(chain(*lists)) == sorted(plan.loads)
    assert tuple(map(len, lists)) == rendered.groups
    code = (plan.folder / "src/bronze/bronze.py").read_text()
    assert '"performance.max_workers": "4"' in code
    assert '"performance.rate_limit": "10"' in code


def test_secrets_are_fetched_where_the_code_runs(plan: Deployment) -> None:
    rendered = deploy(settings(), plan)
    code = (plan.folder / "src/bronze/bronze.py").read_text()
    assert 'dbutils.secrets.get(scope="pi_lakeflow", key="pi_password")' in code
    assert rendered.secrets == ("pi_password",)
    assert "put-secret pi_lakeflow pi_password" in (plan.folder / "README.md").read_text()


def test_the_options_are_settings_that_mean_the_same(plan: Deployment) -> None:
    """What the pipeline hands to the data source reads back as the configuration."""
    given = settings(auth={"type": "anonymous"})
    deploy(given, replace(plan, pipelines=1))
    tree = ast.parse((plan.folder / "src/bronze/bronze.py").read_text())
    assigned = next(node.value for node in tree.body if isinstance(node, ast.Assign))
    assert isinstance(assigned, ast.Dict)
    options = {
        ast.literal_eval(key): ast.literal_eval(value)
        for key, value in zip(assigned.keys, assigned.values, strict=True)
        if key is not None and isinstance(value, ast.Constant)
    }
    again = load({}, flags=options, environ={})
    for key in ("pi_web_api_url", "auth.type", "since", "performance.max_workers", "performance.rate_limit"):
        assert again.value(key) == given.value(key)


@pytest.mark.parametrize(
    ("changes", "more", "told"),
    [
        ({"auth": {"type": "basic", "username": "u", "password": "in-clear"}}, {}, "secret in clear"),
        ({"tls": {"ca_bundle": "plant-ca.pem"}}, {}, "file of this machine"),
        ({}, {"name": "My Bundle"}, "cannot name a bundle"),
        ({}, {"schedule": "every hour"}, "Quartz"),
        ({}, {"pipelines": 41}, "cannot be shared"),
        ({}, {"wheel": Path("nowhere.whl")}, "no such file"),
    ],
)
def test_what_cannot_be_deployed_is_refused_before_anything_is_written(
    plan: Deployment, changes: dict[str, Any], more: dict[str, Any], told: str
) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        deploy(settings(**changes), replace(plan, **more))
    assert caught.value.hint
    assert "in-clear" not in f"{caught.value} {caught.value.hint}"
    assert not plan.folder.exists()


def test_files_are_overwritten_only_when_told(plan: Deployment) -> None:
    first = deploy(settings(), plan)
    with pytest.raises(SettingsError, match="is there already, and 10 more"):
        deploy(settings(), plan)
    assert deploy(settings(), replace(plan, overwrite=True)) == first


@given(
    st.dictionaries(st.text(min_size=1), st.floats(0, 1e6), min_size=1, max_size=200),
    st.integers(1, 12),
)
def test_groups_hold_everything_once_and_are_balanced(loads: dict[str, float], groups: int) -> None:
    shared = balanced(loads, groups)
    assert len(shared) == groups
    assert sorted(chain(*shared)) == sorted(loads)
    sums = [sum(loads[name] for name in group) for group in shared]
    best = max(sum(loads.values()) / groups, *loads.values())
    assert max(sums) <= 2 * best + 1e-6
    if len(loads) >= groups:
        assert all(shared)
