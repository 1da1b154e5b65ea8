"""Renders the bundle. Nothing is sent anywhere: ``databricks bundle deploy`` does that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from pi_lakeflow.app.deploy.groups import balanced
from pi_lakeflow.app.deploy.options import option_lines, secret_names
from pi_lakeflow.app.deploy.templates import environment, write
from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings import Settings

TIME_SERIES = "pi_timeseries"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}$")
_CRON = re.compile(r"\S+( \S+){5,6}$")
_FILES = {
    "databricks.yml": "databricks.yml.j2",
    "resources/storage.yml": "storage.yml.j2",
    "resources/pipelines.yml": "pipelines.yml.j2",
    "resources/jobs.yml": "jobs.yml.j2",
    "src/bronze/bronze.py": "bronze.py.j2",
    "src/silver/silver.py": "silver.py.j2",
    "src/silver/gold.py": "gold.py.j2",
    "README.md": "README.md.j2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What to render. ``loads`` are the tags with what is expected of each (any unit)."""

    folder: Path
    loads: Mapping[str, float]
    name: str = "historian"
    pipelines: int = 1
    tables: Sequence[str] = ()
    schedule: str = "0 0/15 * * * ?"
    secret_scope: str = "pi_lakeflow"
    viewers: str | None = None
    wheel: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was written: paths below ``folder``, the tags of each group, the secrets that must exist."""

    folder: Path
    files: tuple[str, ...]
    groups: tuple[int, ...]
    secrets: tuple[str, ...] = field(default=())


def deploy(settings: Settings, deployment: Deployment) -> Rendered:
    """Write the bundle of ``settings``.

    Raises ``SettingsError`` for a name or schedule that Databricks would refuse, a secret in clear, a
    group without tags, or files that are in the way.
    """
    _check(deployment)
    groups = balanced(deployment.loads, deployment.pipelines)
    templates = environment()
    files = {name: templates.get_template(template) for name, template in _FILES.items()}
    words = _words(settings, deployment, len(groups))
    texts = {name: template.render(words) for name, template in files.items()}
    texts |= {f"config/tags-{number:02}.txt": _lines(group) for number, group in enumerate(groups, 1)}
    write(deployment.folder, texts, overwrite=deployment.overwrite)
    if deployment.wheel is not None:
        (deployment.folder / "dist").mkdir(exist_ok=True)
        (deployment.folder / "dist" / deployment.wheel.name).write_bytes(deployment.wheel.read_bytes())
    return Rendered(deployment.folder, tuple(sorted(texts)), tuple(map(len, groups)), tuple(words["secrets"]))


def bronze_table(number: int, groups: int) -> str:
    """One pipeline owns a table, so several pipelines need several tables."""
    return TIME_SERIES if groups == 1 else f"{TIME_SERIES}_{number:02}"


def _check(deployment: Deployment) -> None:
    if not _NAME.match(deployment.name):
        raise SettingsError(
            f"{deployment.name!r} cannot name a bundle", subject="--name", hint="a-z, 0-9 and _"
        )
    if not _CRON.match(deployment.schedule):
        raise SettingsError(
            f"{deployment.schedule!r} is no Quartz schedule",
            subject="--schedule",
            hint='six fields, seconds first: "0 0/15 * * * ?"',
        )
    if not 1 <= deployment.pipelines <= max(1, len(deployment.loads)):
        raise SettingsError(
            f"{len(deployment.loads)} tags cannot be shared by {deployment.pipelines} pipelines",
            subject="--pipelines",
            hint=f"1 to {max(1, len(deployment.loads))}",
        )
    if deployment.wheel is not None and not deployment.wheel.is_file():
        raise SettingsError(
            "there is no such file", subject=str(deployment.wheel), hint="python -m build --wheel"
        )


def _words(settings: Settings, deployment: Deployment, groups: int) -> dict[str, Any]:
    version = metadata.version("pi-lakeflow")
    wheel = deployment.wheel
    return {
        "name": deployment.name,
        "catalog": settings.catalog,
        "schema": settings.schema,
        "groups": [
            {"number": f"{number:02}", "table": bronze_table(number, groups)}
            for number in range(1, groups + 1)
        ],
        "tables": list(deployment.tables),
        "schedule": deployment.schedule,
        "time_zone": str(settings.time_zone),
        "scope": deployment.secret_scope,
        "secrets": secret_names(settings, deployment.secret_scope),
        "viewers": deployment.viewers,
        "options": option_lines(settings, deployment.secret_scope, groups),
        "requirement": f"../dist/{wheel.name}" if wheel else f"pi-lakeflow=={version}",
        "version": version,
    }


def _lines(names: Sequence[str]) -> str:
    return "".join(f"{name}\n" for name in names)
