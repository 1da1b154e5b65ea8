"""The texts that are filled in: templates beside this file, and how files are written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from pi_lakeflow.errors import SettingsError


def environment() -> Environment:
    """Templates for YAML, Python and Markdown; a word that is missing is an error."""
    return Environment(
        loader=PackageLoader("pi_lakeflow.app.deploy"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # YAML and Python; every value passes tojson or a check
    )


def write(folder: Path, texts: Mapping[str, str], *, overwrite: bool) -> None:
    """Write ``texts`` by path below ``folder``.

    Raises ``SettingsError`` when files are in the way, or the folder cannot be written.
    """
    there = [name for name in texts if (folder / name).exists()]
    if there and not overwrite:
        raise SettingsError(
            f"{there[0]} is there already" + (f", and {len(there) - 1} more" if there[1:] else ""),
            subject=str(folder),
            hint="--force, or --out OTHER",
        )
    try:
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"cannot be written: {error.strerror}", subject=str(folder), hint="--out OTHER"
        ) from error
