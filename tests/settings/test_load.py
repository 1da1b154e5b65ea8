"""Loading: sources, precedence, origins, and pages."""

from __future__ import annotations

import copy
import pickle
import re
from datetime import timedelta
from pathlib import Path

import pytest
from tests.settings.given import BASIC, INTEGRATION, LARGE, URL, origin_of, quick, write

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings import explain, load, render_template, schema_doc
from pi_lakeflow.settings.schema import DECLARED


class TestTheConfigsOfTheSpecification:
    def test_large_scale(self) -> None:
        settings = load(LARGE, environ={})
        assert len(settings.tags) == 2000
        assert settings.auth.reveal() == {"type": "kerberos"}
        p = settings.performance
        assert (p.base_batch_size, p.max_in_flight, p.pool_size, p.enable_compression) == (150, 50, 100, True)

    def test_memory_constrained(self) -> None:
        p = quick(
            performance={
                "base_batch_size": 50,
                "max_workers": 10,
                "adaptive_sizing": True,
                "memory_limit_gb": 6,
            }
        ).performance
        assert (p.base_batch_size, p.min_batch_size, p.memory_limit_gb) == (50, 25, 6.0)

    def test_network_constrained(self) -> None:
        p = quick(
            performance={"base_batch_size": 200, "max_workers": 5, "rate_limit": 5, "retry_backoff": 5}
        ).performance
        assert (p.rate_limit, p.retry_backoff, p.max_batch_size) == (5.0, timedelta(seconds=5), 200)

    def test_integration(self) -> None:
        settings = load(INTEGRATION, environ={})
        assert settings.auth.reveal() == BASIC
        assert (settings.extract_alarms, settings.enable_streaming) == (True, False)
        assert settings.performance.max_workers == 20
        assert settings.performance.adaptive_sizing
        assert settings.warnings == ()


class TestPrecedence:
    def test_flag_over_environment_over_file_over_default(self, tmp_path: Path) -> None:
        path = write(
            tmp_path, f"pi_web_api_url: {URL}\nsince: '*-1d'\nuntil: '*-1h'\ncatalog: plant\nschema: silver\n"
        )
        settings = load(
            path=path,
            environ={
                "PI_LAKEFLOW_SINCE": "*-2d",
                "PI_LAKEFLOW_UNTIL": "*-2h",
                "PI_LAKEFLOW_CATALOG": "other",
            },
            flags={"since": "*-3d", "until": None},
        )
        assert (settings.since, settings.until, settings.catalog, settings.schema) == (
            "*-3d",
            "*-2h",
            "other",
            "silver",
        )
        assert origin_of(settings, "since") == "--since"
        assert origin_of(settings, "until") == "PI_LAKEFLOW_UNTIL"
        assert origin_of(settings, "schema") == "pi-lakeflow.yaml line 5"
        assert origin_of(settings, "historian") == "default"

    def test_environment_also_overrides_a_dict(self) -> None:
        settings = load({"pi_web_api_url": URL, "catalog": "a"}, environ={"PI_LAKEFLOW_CATALOG": "b"})
        assert settings.catalog == "b"

    def test_sections_merge_key_by_key(self) -> None:
        settings = load(
            {"pi_web_api_url": URL, "auth": {"type": "basic", "username": "u"}},
            environ={"PI_LAKEFLOW_AUTH__PASSWORD": "0123"},
        )
        assert settings.auth.reveal() == {"type": "basic", "username": "u", "password": "0123"}

    def test_an_empty_variable_or_null_counts_as_not_set(self, tmp_path: Path) -> None:
        path = write(tmp_path, f"pi_web_api_url: {URL}\ncatalog:\ntls: ~\nauth:\n  username: null\n")
        settings = load(path=path, environ={"PI_LAKEFLOW_SCHEMA": ""})
        assert (settings.catalog, settings.schema, settings.auth.username) == ("main", "bronze", None)

    def test_dotted_flags(self) -> None:
        settings = load({"pi_web_api_url": URL}, flags={"performance.max_workers": "3"}, environ={})
        assert settings.performance.max_workers == 3
        assert origin_of(settings, "performance.max_workers") == "the flag for performance.max_workers"

    def test_lists_and_mappings_in_the_environment(self) -> None:
        environ = {
            "PI_LAKEFLOW_TAGS": "[SINUSOID, 'CDT*']",
            "PI_LAKEFLOW_ALARMS__TEMPLATES": "Downtime",
            "PI_LAKEFLOW_LAKE": "s3://bucket/lake",
            "PI_LAKEFLOW_LAKE__STORAGE_OPTIONS": "{AWS_REGION: eu-west-1, AWS_SECRET_ACCESS_KEY: env:KEY}",
        }
        settings = load({"pi_web_api_url": URL}, environ=environ)
        assert [s.text for s in settings.tags] == ["SINUSOID", "CDT*"]
        assert settings.alarms.templates == ("Downtime",)
        assert settings.lake.path == "s3://bucket/lake"
        assert settings.lake.storage_options is not None
        assert str(settings.lake.storage_options["AWS_SECRET_ACCESS_KEY"]) == "env:KEY"

    def test_a_mask_in_the_environment_is_no_yaml(self) -> None:
        settings = load({"pi_web_api_url": URL}, environ={"PI_LAKEFLOW_TAGS": "*FLOW*"})
        assert [s.text for s in settings.tags] == ["*FLOW*"]

    def test_modes_change_defaults_only(self) -> None:
        standard = quick(performance_mode="standard", performance={"workers": 3}).performance
        assert (standard.adaptive_sizing, standard.workers) == (False, 3)
        optimized = quick().performance
        assert (optimized.adaptive_sizing, optimized.workers) == (True, "auto")


class TestTheFile:
    def test_is_found_upward_and_paths_count_from_it(self, tmp_path: Path) -> None:
        path = write(
            tmp_path, f"pi_web_api_url: {URL}\nlake: data\ntls:\n  ca_bundle: ca.pem\ntags: '@tags.txt'\n"
        )
        (tmp_path / "tags.txt").write_text("SINUSOID\n")
        deep = tmp_path / "a" / "b"
        deep.mkdir(parents=True)
        settings = load(cwd=deep, environ={})
        assert settings.file == str(path)
        assert settings.lake.path == str(tmp_path / "data")
        assert settings.tls.ca_bundle == str(tmp_path / "ca.pem")
        assert [s.text for s in settings.tags] == ["SINUSOID"]

    def test_without_lake_the_lake_is_beside_the_file(self, tmp_path: Path) -> None:
        write(tmp_path, f"pi_web_api_url: {URL}\n")
        assert load(cwd=tmp_path, environ={}).lake.path == str(tmp_path / "lake")

    def test_can_be_named_by_the_environment(self, tmp_path: Path) -> None:
        (tmp_path / "other.yaml").write_text(f"pi_web_api_url: {URL}\n")
        settings = load(cwd=tmp_path, environ={"PI_LAKEFLOW_CONFIG": "other.yaml"})
        assert settings.file == str(tmp_path / "other.yaml")

    def test_values_are_taken_literally(self, tmp_path: Path) -> None:
        """YAML would make a date, an octal number and a boolean of these."""
        path = write(
            tmp_path,
            f"pi_web_api_url: {URL}\nsince: 2025-01-01\ncatalog: 012\nschema: no\ntags: [1234, 12:30]\n",
        )
        settings = load(path=path, environ={})
        assert (settings.since, settings.catalog, settings.schema) == ("2025-01-01", "012", "no")
        assert [s.text for s in settings.tags] == ["1234", "12:30"]

    def test_with_byte_order_mark_and_only_comments(self, tmp_path: Path) -> None:
        path = write(tmp_path, "\ufeff# nothing yet\n")
        with pytest.raises(SettingsError, match="missing"):
            load(path=path, environ={})

    @pytest.mark.parametrize(
        ("text", "subject"),
        [
            ("tags: *x\n", "pi-lakeflow.yaml line 1"),
            ("a: [1\n", "pi-lakeflow.yaml line 2"),
            ("- a\n- b\n", "pi-lakeflow.yaml"),
            ("catalog: a\ncatalog: b\n", "pi-lakeflow.yaml line 2: catalog"),
            ("tags: &a [*a]\n", "pi-lakeflow.yaml line 1"),
        ],
    )
    def test_broken_yaml_names_the_line(self, tmp_path: Path, text: str, subject: str) -> None:
        with pytest.raises(SettingsError) as caught:
            load(path=write(tmp_path, text), environ={})
        assert caught.value.subject == subject

    def test_that_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="cannot read the configuration"):
            load(path=tmp_path / "nowhere.yaml", environ={})


class TestTheObject:
    def test_is_frozen_and_goes_to_another_process(self) -> None:
        settings = load(INTEGRATION, environ={})
        with pytest.raises(AttributeError):
            settings.catalog = "x"
        again = pickle.loads(pickle.dumps(settings))
        assert again == settings == copy.deepcopy(settings)
        assert again.auth.reveal()["password"] == "pass"

    def test_never_shows_a_secret(self) -> None:
        settings = quick(
            auth={"type": "basic", "username": "u", "password": "hunter2"},
            proxy="http://me:hunter2@proxy:3128",
            lake={"path": "s3://b", "storage_options": {"KEY": "hunter2"}},
        )
        assert "hunter2" not in repr(settings) + str(explain(settings)) + str(settings.origins)
        assert b"hunter2" not in pickle.dumps(settings)
        assert settings.lake.options() == {"KEY": "hunter2"}

    def test_explains_every_key_once(self) -> None:
        rows = explain(load(INTEGRATION, environ={}))
        assert [row.key for row in rows] == list(DECLARED.leaves)
        shown = {row.key: (row.value, row.origin) for row in rows}
        assert shown["settle"] == ("5m", "default")
        assert shown["auth.password"] == ("***", "the config dict")
        assert shown["performance.rate_limit"] == ("no limit", "default")


class TestPages:
    def test_the_reference_names_every_key(self) -> None:
        page = schema_doc()
        for path, leaf in DECLARED.leaves.items():
            assert f"| `{path.rpartition('.')[2]}` |" in page, path
            assert leaf.doc.endswith("."), path

    @pytest.mark.parametrize(
        "auth_type", ["anonymous", "basic", "bearer", "oidc", "kerberos", "ntlm", "negotiate"]
    )
    def test_the_template_loads(self, tmp_path: Path, auth_type: str) -> None:
        path = write(
            tmp_path,
            render_template(auth_type=auth_type, username="DOMAIN\\reader", tags=["*", "@x: y", "A"]),
        )
        (tmp_path / "x: y").write_text("B\n")
        settings = load(path=path, environ={})
        assert [s.text for s in settings.tags] == ["*", "B", "A"]
        assert settings.warnings == ()

    def test_the_template_loads_with_everything_uncommented(self, tmp_path: Path) -> None:
        lines = render_template().splitlines()
        live = [line if re.match(r"# \S", line) else line.removeprefix("#") for line in lines]
        settings = load(path=write(tmp_path, "\n".join(live)), environ={})
        assert settings.settle == timedelta(minutes=5)
        assert settings.performance.rate_limit == 50
