"""What must hold between settings, and what is allowed but doubtful."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings.origins import DEFAULT, Layer, Origin
from pi_lakeflow.settings.secrets import Secret

NEEDED = {
    "basic": ("auth.username", "auth.password"),
    "bearer": ("auth.token",),
    "ntlm": ("auth.username", "auth.password"),
    "oidc": ("auth.client_id", "auth.client_secret"),
}
_USED = {
    "basic": ("username", "password"),
    "bearer": ("token",),
    "oidc": ("client_id", "client_secret", "scope", "token_url"),
    **dict.fromkeys(("kerberos", "ntlm", "negotiate"), ("username", "password", "service", "hostname")),
}


def check_together(
    values: dict[str, Any], origins: dict[str, Origin], missing: Callable[[str], SettingsError]
) -> list[SettingsError]:
    """Problems between values that are right on their own. Also settles defaults that depend on
    other keys, in place: those of ``performance_mode``, and batch limits around a given base."""
    _apply_mode(values, origins)
    _widen_batches(values, origins)
    return [*_auth(values, origins, missing), *_batches(values), *_tls(values), *_intervals(values)]


def _apply_mode(values: dict[str, Any], origins: dict[str, Origin]) -> None:
    if values["performance_mode"] != "standard":
        return
    for key, value in (("performance.adaptive_sizing", False), ("performance.workers", 1)):
        if origins[key] == DEFAULT:
            values[key] = value
            origins[key] = Origin(Layer.DEFAULT, "performance_mode: standard")


def _widen_batches(values: dict[str, Any], origins: dict[str, Origin]) -> None:
    base = values["performance.base_batch_size"]
    for key, widen in (("performance.max_batch_size", max), ("performance.min_batch_size", min)):
        wider = widen(values[key], base)
        if origins[key] == DEFAULT and wider != values[key]:
            values[key] = wider
            origins[key] = Origin(Layer.DEFAULT, "performance.base_batch_size")


def _auth(
    values: dict[str, Any], origins: dict[str, Origin], missing: Callable[[str], SettingsError]
) -> Iterator[SettingsError]:
    kind = values["auth.type"]
    for key in NEEDED.get(kind, ()):
        if values[key] is None:
            yield missing(key)
    if kind in ("kerberos", "negotiate") and (values["auth.username"] is None) != (
        values["auth.password"] is None
    ):
        yield SettingsError("auth.username and auth.password go together", subject="auth")
    for key, value in values.items():
        section, _, name = key.partition(".")
        if section == "auth" and name != "type" and value is not None and name not in _USED.get(kind, ()):
            yield SettingsError(f"means nothing for auth.type {kind} ({origins[key]})", subject=key)


def _batches(values: Mapping[str, Any]) -> Iterator[SettingsError]:
    low, base, high = (values[f"performance.{name}_batch_size"] for name in ("min", "base", "max"))
    if not low <= base <= high:
        yield SettingsError(
            f"min_batch_size {low}, base_batch_size {base} and max_batch_size {high} are not in rising order",
            subject="performance",
        )


def _tls(values: Mapping[str, Any]) -> Iterator[SettingsError]:
    if values["tls.client_key"] and not values["tls.client_cert"]:
        yield SettingsError("needs tls.client_cert beside it", subject="tls.client_key")
    if values["tls.ca_bundle"] and not values["tls.verify"]:
        yield SettingsError("means nothing while tls.verify is false", subject="tls.ca_bundle")


def _intervals(values: Mapping[str, Any]) -> Iterator[SettingsError]:
    for key in ("streaming.flush_interval", "streaming.poll_interval", "performance.read_timeout"):
        if values[key] <= timedelta(0):
            yield SettingsError("must be longer than 0s", subject=key)


def doubts(values: Mapping[str, Any], origins: Mapping[str, Origin]) -> Iterator[str]:
    """Sentences for the user about settings that work but should be looked at."""
    for key in ("auth.password", "auth.token", "auth.client_secret"):
        secret, origin = values[key], origins[key]
        in_file = origin.layer is Layer.FILE and " line " in origin.text
        if isinstance(secret, Secret) and secret.is_plain and in_file:
            yield f"{key} is written in clear ({origin}); use env:NAME, file:PATH or databricks:SCOPE/KEY"
    if not values["tls.verify"]:
        yield f"tls.verify is false ({origins['tls.verify']}): anybody in between can read everything"
    if values["pi_web_api_url"].startswith("http:") and values["auth.type"] in ("basic", "bearer", "oidc"):
        yield f"pi_web_api_url is http: the credentials of auth.type {values['auth.type']} travel readable"
