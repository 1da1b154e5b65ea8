"""Errors and warnings of the settings say what, where, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.settings.given import BASIC, URL, origin_of, quick, write

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings import load, need


class TestErrors:
    @pytest.mark.parametrize(
        ("config", "subject", "nearest"),
        [
            ({"catalogue": "x"}, "catalogue", "catalog"),
            ({"performance": {"max_worker": 1}}, "performance.max_worker", "performance.max_workers"),
            ({"rate_limit": 5}, "rate_limit", "performance.rate_limit"),
            ({"verify": False}, "verify", "tls.verify"),
            ({"auth": {"user_name": "u"}}, "auth.user_name", "auth.username"),
            ({"performence": {"workers": 1}}, "performence", "performance"),
        ],
    )
    def test_unknown_keys_name_the_nearest(self, config: dict[str, Any], subject: str, nearest: str) -> None:
        with pytest.raises(SettingsError, match="unknown key in the config dict") as caught:
            quick(**config)
        assert (caught.value.subject, caught.value.hint) == (subject, f"did you mean {nearest}?")

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            (
                {"performance": {"max_workers": "many"}},
                "performance.max_workers: 'many' in the config dict is not a whole",
            ),
            ({"performance": {"max_workers": 0}}, "0 in the config dict is not a whole number of at least 1"),
            ({"performance": {"max_workers": True}}, "True in the config dict is not a whole number"),
            ({"performance": {"max_workers": 2.5}}, "2.5 in the config dict is not a whole number"),
            ({"performance": {"rate_limit": float("nan")}}, "nan in the config dict is not a number above 0"),
            (
                {"performance": {"workers": "some"}},
                "'some' in the config dict is not auto, or a whole number",
            ),
            ({"settle": "soon"}, "settle: 'soon' in the config dict is not a duration"),
            ({"settle": -5}, "-5 in the config dict is not a duration"),
            ({"since": "last week"}, "since: 'last week' in the config dict is not a time"),
            ({"time_zone": "Mars/Olympus"}, "is not the name of a time zone"),
            ({"tls": {"verify": "maybe"}}, "tls.verify: 'maybe' in the config dict is not true or false"),
            ({"catalog": 5}, "catalog: 5 in the config dict is not a text"),
            (
                {"auth": {"type": "magic"}},
                "auth.type: 'magic' in the config dict is not one of anonymous, basic",
            ),
            ({"tags": [1]}, r"tags\[0\]: 1 is not a tag \(the config dict\)"),
            ({"auth": "basic"}, "auth: 'basic' in the config dict is not a group of keys"),
            ({"alarms": {"min_severity": "loud"}}, "is not one of none, unknown"),
            ({"lake": {"storage_options": "x"}}, "is not a mapping"),
        ],
    )
    def test_wrong_values_name_key_value_and_expectation(self, config: dict[str, Any], message: str) -> None:
        with pytest.raises(SettingsError, match=message):
            quick(**config)

    @pytest.mark.parametrize(
        "url",
        ["pi-server/piwebapi", "ftp://pi/x", "https://", "https://pi/piwebapi?x=1", "https://pi:port/x", 7],
    )
    def test_urls_are_checked(self, url: object) -> None:
        with pytest.raises(SettingsError, match="not an http or https URL"):
            load({"pi_web_api_url": url}, environ={})

    def test_credentials_in_the_url_are_refused_and_not_repeated(self) -> None:
        with pytest.raises(SettingsError, match="must not hold credentials") as caught:
            load({"pi_web_api_url": "https://user:hunter2@pi/piwebapi"}, environ={})
        assert "hunter2" not in str(caught.value)

    def test_a_wrong_secret_is_not_repeated(self) -> None:
        with pytest.raises(SettingsError, match="the value in the config dict is not a text") as caught:
            quick(auth={"type": "basic", "username": "u", "password": ["hunter2"]})
        assert "hunter2" not in str(caught.value)

    def test_a_missing_key_shows_every_place_in_order(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="pi_web_api_url: missing") as caught:
            load(cwd=tmp_path, environ={})
        text = str(caught.value)
        places = ["PI_LAKEFLOW_PI_WEB_API_URL", f"pi-lakeflow.yaml in {tmp_path}"]
        assert [text.index(place) for place in places] == sorted(text.index(place) for place in places)

    def test_what_the_kind_of_auth_needs(self) -> None:
        with pytest.raises(SettingsError, match=r"auth.password: missing; looked in .* the config dict"):
            quick(auth={"type": "basic", "username": "u"})
        with pytest.raises(SettingsError, match=r"means nothing for auth\.type anonymous"):
            quick(auth={"username": "u"})
        with pytest.raises(SettingsError, match="go together"):
            quick(auth={"type": "kerberos", "username": "u"})

    def test_keys_that_only_some_commands_need(self) -> None:
        need(quick(tags="A"), "tags", "catalog")
        with pytest.raises(SettingsError, match="tags: missing; looked in the flag --tag"):
            need(quick(), "tags")

    @pytest.mark.parametrize(
        "config",
        [
            {"max_workers": 4, "performance": {"max_workers": 5}},
            {"performance": {"max_workers": 4, "max_in_flight": 5}},
            {"adaptive_batching": True, "performance": {"adaptive_sizing": False}},
            {"lake": {"path": "a", "url": "b"}},
        ],
    )
    def test_two_spellings_of_one_key_must_agree(self, config: dict[str, Any]) -> None:
        with pytest.raises(SettingsError, match="are the same setting with two values"):
            quick(**config)

    def test_two_spellings_may_agree_or_stand_in_different_layers(self) -> None:
        assert quick(max_workers=4, performance={"max_workers": 4}).performance.max_workers == 4
        config = {"pi_web_api_url": URL, "max_workers": 4}
        settings = load(config, environ={"PI_LAKEFLOW_PERFORMANCE__MAX_WORKERS": "6"})
        assert settings.performance.max_workers == 6

    def test_all_problems_are_told_at_once(self) -> None:
        with pytest.raises(SettingsError, match="3 settings are wrong") as caught:
            load({"catalogue": "x", "settle": "soon"}, environ={})
        for part in ("catalogue", "settle", "pi_web_api_url"):
            assert part in str(caught.value)

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"performance": {"min_batch_size": 50, "max_batch_size": 40}}, "not in rising order"),
            ({"performance": {"base_batch_size": 500, "max_batch_size": 400}}, "not in rising order"),
            ({"tls": {"client_key": "k.pem"}}, "needs tls.client_cert"),
            ({"tls": {"ca_bundle": "c.pem", "verify": False}}, "means nothing while tls.verify is false"),
            ({"streaming": {"flush_interval": 0}}, "longer than 0s"),
        ],
    )
    def test_what_must_hold_together(self, config: dict[str, Any], message: str) -> None:
        with pytest.raises(SettingsError, match=message):
            quick(**config)

    def test_a_base_beyond_the_default_limits_widens_them(self) -> None:
        assert quick(performance={"base_batch_size": 500}).performance.max_batch_size == 500
        settings = quick(performance={"base_batch_size": 5})
        assert settings.performance.min_batch_size == 5
        assert origin_of(settings, "performance.min_batch_size") == "performance.base_batch_size"


class TestWarnings:
    def test_a_password_in_a_file(self, tmp_path: Path) -> None:
        path = write(
            tmp_path, f"pi_web_api_url: {URL}\nauth: {{type: basic, username: u, password: hunter2}}\n"
        )
        (warning,) = load(path=path, environ={}).warnings
        assert "auth.password is written in clear (pi-lakeflow.yaml line 2)" in warning
        assert "hunter2" not in warning

    def test_switched_off_verification_and_readable_credentials(self) -> None:
        settings = load(
            {"pi_web_api_url": "http://pi/piwebapi", "auth": BASIC, "tls": {"verify": False}}, environ={}
        )
        assert [warning.split(" ")[0] for warning in settings.warnings] == ["tls.verify", "pi_web_api_url"]

    def test_an_unknown_variable_is_ignored_and_told(self) -> None:
        settings = load({"pi_web_api_url": URL}, environ={"PI_LAKEFLOW_CATALOGUE": "x"})
        assert settings.warnings == (
            "PI_LAKEFLOW_CATALOGUE is ignored: there is no key catalogue; did you mean catalog?",
        )
