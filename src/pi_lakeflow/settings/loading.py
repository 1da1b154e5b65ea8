"""From sources to ``Settings``: merge by precedence, read each value, check what belongs together.

All problems of a configuration are told at once, not one per attempt.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings.given import (
    CONFIG_VARIABLE,
    Given,
    Unknown,
    from_document,
    from_environment,
    from_flags,
    from_mapping,
)
from pi_lakeflow.settings.keys import Leaf
from pi_lakeflow.settings.kinds import Place, Unfit
from pi_lakeflow.settings.need import missing
from pi_lakeflow.settings.origins import DEFAULT, Layer, Origin
from pi_lakeflow.settings.rules import check_together, doubts
from pi_lakeflow.settings.schema import DECLARED, Settings
from pi_lakeflow.settings.yamlfile import FILE_NAME, find_file, read_file


@dataclass(slots=True)
class _Draft:
    """``searched`` says in words where a key without value was looked for, after the flags."""

    base: Path
    file: str | None = None
    searched: str = ""
    given: dict[str, Given] = field(default_factory=dict)
    problems: list[SettingsError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def load(
    config: Mapping[str, Any] | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    named: Callable[[str], str] | None = None,
) -> Settings:
    """The settings of one run.

    ``config`` is a dict with the keys of the file and takes its place; otherwise the file is
    ``path``, else the one that PI_LAKEFLOW_CONFIG names, else ``pi-lakeflow.yaml`` in ``cwd``
    or above. ``flags`` are dotted keys with values, None for flags that were not used; ``named`` says
    what messages call them when they come from elsewhere than the command line. Precedence: flags,
    ``environ`` (os.environ unless given), file, defaults.

    Relative paths count from the folder of the file, or from ``cwd``.

    Raises ``SettingsError`` that names every problem: the key, where its value came from, what
    was expected.
    """
    environ = os.environ if environ is None else environ
    here = (cwd or Path()).absolute()
    draft = _Draft(here)
    file_layer = _file_layer(draft, config, path, environ)
    flag_layer = from_flags(flags or {}, base=here, named=named)
    for layer in (file_layer, from_environment(environ, base=here), flag_layer):
        _merge(draft, layer)
    settings = _build(draft)
    _raise(draft.problems)
    return settings


def _file_layer(
    draft: _Draft,
    config: Mapping[str, Any] | None,
    path: str | os.PathLike[str] | None,
    environ: Mapping[str, str],
) -> Iterable[Given | Unknown]:
    if config is not None:
        draft.searched = "the config dict"
        return from_mapping(config, base=draft.base)
    named = path or environ.get(CONFIG_VARIABLE)
    found = draft.base / Path(named).expanduser() if named else find_file(draft.base)
    if found is None:
        draft.searched = f"{FILE_NAME} in {draft.base} and the folders above (there is none)"
        return ()
    draft.file = draft.searched = str(found)
    document = read_file(found)
    draft.base = found.parent
    return from_document(document, name=found.name, base=found.parent)


def _merge(draft: _Draft, layer: Iterable[Given | Unknown]) -> None:
    """Put one layer over those below. Within a layer, two spellings of a key must agree."""
    mine: dict[str, Given] = {}
    for item in layer:
        if isinstance(item, Unknown):
            _unknown(draft, item)
            continue
        twin = mine.setdefault(item.key, item)
        if twin is not item and str(twin.value) != str(item.value):
            draft.problems.append(
                SettingsError(
                    f"{twin.path} ({twin.origin}) and {item.path} ({item.origin}) are the same setting "
                    f"with two values",
                    subject=item.key,
                    hint=f"keep {item.key} and remove the other",
                )
            )
    draft.given |= mine


def _unknown(draft: _Draft, item: Unknown) -> None:
    hint = f"did you mean {item.nearest}?" if item.nearest else None
    if item.origin.layer is Layer.ENVIRONMENT:  # other programs' variables may begin like ours
        draft.notes.append(
            f"{item.origin} is ignored: there is no key {item.path}" + (f"; {hint}" if hint else "")
        )
        return
    draft.problems.append(
        SettingsError(
            f"unknown key in {item.origin}",
            subject=item.path,
            hint=hint or "docs/reference/configuration.md lists the keys",
        )
    )


def _build(draft: _Draft) -> Settings:
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for leaf in DECLARED.leaves.values():
        values[leaf.path], origins[leaf.path] = _value(draft, leaf)
    if values["pi_web_api_url"] is None and "pi_web_api_url" not in draft.given:
        draft.problems.append(missing("pi_web_api_url", draft.searched))
    if not draft.problems:
        draft.problems += check_together(values, origins, lambda key: missing(key, draft.searched))
    extras: dict[str, Any] = {
        "origins": origins,
        "file": draft.file,
        "searched": draft.searched,
        "warnings": (*draft.notes, *doubts(values, origins)) if not draft.problems else (),
    }
    return Settings(**_nested(values, ""), **extras)


def _value(draft: _Draft, leaf: Leaf) -> tuple[Any, Origin]:
    given = draft.given.get(leaf.path)
    if given is None:
        is_text = isinstance(leaf.default, str)
        return (
            leaf.kind.read(leaf.default, Place(leaf.path, draft.base)) if is_text else leaf.default
        ), DEFAULT
    try:
        return leaf.kind.read(given.value, Place(leaf.path, given.base)), given.origin
    except Unfit:
        shown = "the value" if leaf.kind.secret else repr(given.value)
        message = f"{shown} in {given.origin} is not {leaf.kind.expects}"
        draft.problems.append(SettingsError(message, subject=given.path))
    except SettingsError as error:
        subject = error.subject or given.path
        draft.problems.append(
            SettingsError(f"{error.message} ({given.origin})", subject=subject, hint=error.hint)
        )
    return None, given.origin


def _nested(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Constructor arguments: sections become objects."""
    found = {
        path.removeprefix(prefix): value
        for path, value in values.items()
        if path.startswith(prefix) and "." not in path.removeprefix(prefix)
    }
    for path, group in DECLARED.sections.items():
        if path.startswith(prefix) and "." not in path.removeprefix(prefix):
            found[path.removeprefix(prefix)] = group.type(**_nested(values, f"{path}."))
    return found


def _raise(problems: list[SettingsError]) -> None:
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = [f"{problem}" + (f" ({problem.hint})" if problem.hint else "") for problem in problems]
        raise SettingsError(f"{len(problems)} settings are wrong:\n  " + "\n  ".join(lines), subject=None)
