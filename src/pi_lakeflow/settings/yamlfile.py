"""Reading ``pi-lakeflow.yaml``: plain text values, and the line on which each key stands.

YAML's guesses (``no`` is false, ``2025-01-01`` a date, ``012`` ten) are not used: each key knows
what it expects. Only a bare ``null``, ``~`` or nothing means "not set".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pi_lakeflow.errors import SettingsError

FILE_NAME = "pi-lakeflow.yaml"
_MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Document:
    """``lines`` maps dotted paths to line numbers from 1."""

    values: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)


def find_file(start: Path) -> Path | None:
    """The ``pi-lakeflow.yaml`` of ``start`` or of the nearest folder above that has one."""
    return next(
        (found for folder in (start, *start.parents) if (found := folder / FILE_NAME).is_file()), None
    )


def read_file(path: Path) -> Document:
    """Raises ``SettingsError`` when the file cannot be read or is no YAML mapping."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(
            f"cannot read the configuration: {error.strerror}",
            subject=str(path),
            hint=f"pi-lakeflow init --config {path.name} writes one"
            if not path.exists()
            else "--config FILE",
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"the configuration is not text in UTF-8: {error.reason} at byte {error.start}",
            subject=str(path),
            hint="save it as UTF-8",
        ) from error
    return parse_document(text, name=path.name)


def parse_document(text: str, *, name: str = FILE_NAME) -> Document:
    """A whole configuration. ``name`` is for messages."""
    lines: dict[str, int] = {}
    values = _Reader(name, lines).mapping_of(_compose(text, name))
    return Document(values, lines)


def parse_value(text: str, *, name: str) -> Any:
    """One list or mapping written as YAML in one line, as in an environment variable."""
    return _Reader(name, {}).value(_compose(text, name), "", 0)


def _compose(text: str, name: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise SettingsError(
            f"not YAML: {getattr(error, 'problem', None) or error}",
            subject=f"{name}{where}",
            hint="indent with spaces, and put quotes around values that begin with * & @ % ! or hold ': '",
        ) from None  # it would say the same again, over many lines


class _Reader:
    def __init__(self, name: str, lines: dict[str, int]) -> None:
        self._name = name
        self._lines = lines

    def mapping_of(self, node: yaml.Node | None) -> dict[str, Any]:
        found = {} if node is None else self.value(node, "", 0)
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise SettingsError(
                "the configuration is not a mapping of keys to values",
                subject=self._name,
                hint="begin with a line such as pi_web_api_url: https://server/piwebapi",
            )
        return found

    def value(self, node: yaml.Node | None, path: str, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise SettingsError("nested too deep", subject=self._at(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, path, depth + 1) for item in node.value]
        if isinstance(node, yaml.ScalarNode):
            unset = node.style is None and node.value in ("", "~", "null", "Null", "NULL")
            return None if unset else node.value
        return None

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key in found:
                raise SettingsError(
                    "the key is written twice, or is no text", subject=f"{self._at(key_node)}: {key}"
                )
            inner = f"{path}.{key}" if path else key
            self._lines[inner] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, inner, depth + 1)
        return found

    def _at(self, node: yaml.Node | None) -> str:
        return self._name if node is None else f"{self._name} line {node.start_mark.line + 1}"
