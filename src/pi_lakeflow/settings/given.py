"""What each source gives: flat lists of "this key, this raw value, from there"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pi_lakeflow.errors import SettingsError
from pi_lakeflow.settings.origins import Layer, Origin
from pi_lakeflow.settings.schema import DECLARED
from pi_lakeflow.settings.yamlfile import Document, parse_value

ENV_PREFIX = "PI_LAKEFLOW_"
CONFIG_VARIABLE = ENV_PREFIX + "CONFIG"


@dataclass(frozen=True, slots=True)
class Given:
    """``path`` is the key as it was spelled, ``key`` the one that it stands for."""

    path: str
    key: str
    value: Any
    origin: Origin
    base: Path


@dataclass(frozen=True, slots=True)
class Unknown:
    """A key that nobody knows."""

    path: str
    origin: Origin
    nearest: str | None


def from_document(document: Document, *, name: str, base: Path) -> Iterator[Given | Unknown]:
    """The keys of a configuration file. Relative paths count from ``base``."""

    def origin(path: str) -> Origin:
        line = document.lines.get(path)
        return Origin(Layer.FILE, f"{name} line {line}" if line else name)

    return _flatten(document.values, "", origin, base)


def from_mapping(config: Mapping[str, Any], *, base: Path) -> Iterator[Given | Unknown]:
    """The keys of a Python dict, which takes the place of a file."""
    return _flatten(config, "", lambda _path: Origin(Layer.FILE, "the config dict"), base)


def from_environment(environ: Mapping[str, str], *, base: Path) -> Iterator[Given | Unknown]:
    """``PI_LAKEFLOW_AUTH__PASSWORD`` is ``auth.password``; an empty variable counts as not set."""
    for name in sorted(environ):
        if not name.startswith(ENV_PREFIX) or name == CONFIG_VARIABLE or not environ[name]:
            continue
        path = name.removeprefix(ENV_PREFIX).lower().replace("__", ".")
        yield _one(path, environ[name], Origin(Layer.ENVIRONMENT, name), base)


def from_flags(
    flags: Mapping[str, Any], *, base: Path, named: Callable[[str], str] | None = None
) -> Iterator[Given | Unknown]:
    """Dotted keys from the command line; None means that the flag was not used.

    ``named`` says what messages call the flag of a key, where flags are no flags but options.
    """
    name = named or (lambda path: flag_name(path) or f"the flag for {path}")
    for path, value in flags.items():
        if value is not None:
            yield _one(path, value, Origin(Layer.FLAG, name(path)), base)


def flag_name(path: str) -> str | None:
    """The flag of the command line that sets the key ``path``, if there is one."""
    return _FLAGS.get(path)


_FLAGS = {"tags": "--tag", "since": "--since", "until": "--until", "lake": "--lake", "lake.path": "--lake"}


def env_name(path: str) -> str:
    """The environment variable that sets the key ``path``."""
    return ENV_PREFIX + path.upper().replace(".", "__")


def _one(path: str, value: Any, origin: Origin, base: Path) -> Given | Unknown:
    group = DECLARED.sections.get(path)
    if group is not None and group.shorthand:
        path = f"{path}.{group.shorthand}"
    key = _resolve(path)
    if key is None:
        return Unknown(path, origin, _nearest(path))
    if isinstance(value, str) and DECLARED.leaves[key].kind.structured and value.lstrip()[:1] in ("[", "{"):
        value = parse_value(value, name=origin.text)
    return Given(path, key, value, origin, base)


def _flatten(tree: Mapping[Any, Any], prefix: str, origin: Any, base: Path) -> Iterator[Given | Unknown]:
    for name, value in tree.items():
        path = f"{prefix}{name}"
        group = DECLARED.sections.get(path)
        if value is None and (group or _resolve(path)):
            continue
        if group is None:
            key = _resolve(path)
            yield (
                Given(path, key, value, origin(path), base)
                if key
                else Unknown(path, origin(path), _nearest(path))
            )
        elif isinstance(value, Mapping):
            yield from _flatten(value, f"{path}.", origin, base)
        elif group.shorthand:
            yield Given(path, f"{path}.{group.shorthand}", value, origin(path), base)
        else:
            raise SettingsError(
                f"{value!r} in {origin(path)} is not a group of keys",
                subject=path,
                hint=f"the keys of {path} are {', '.join(_children(path))}",
            )


def _resolve(path: str) -> str | None:
    return path if path in DECLARED.leaves else DECLARED.aliases.get(path)


def _children(path: str) -> list[str]:
    return [leaf.rpartition(".")[2] for leaf in DECLARED.leaves if leaf.rpartition(".")[0] == path]


def _nearest(path: str) -> str | None:
    """The known key that was probably meant: close in spelling, or of the same name elsewhere."""
    known = [*DECLARED.leaves, *DECLARED.sections, *DECLARED.aliases]
    name = path.rpartition(".")[2]
    same_name = [candidate for candidate in known if candidate.rpartition(".")[2] == name]
    if same_name:
        return same_name[0]
    if close := get_close_matches(path, known, n=1, cutoff=0.7):
        return close[0]
    by_name = {candidate.rpartition(".")[2]: candidate for candidate in reversed(known)}
    close = get_close_matches(name, by_name, n=1, cutoff=0.7)
    return by_name[close[0]] if close else None
