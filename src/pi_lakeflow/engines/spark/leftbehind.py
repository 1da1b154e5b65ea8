"""Tags that could not be read: fatal, or noted as files that the driver finds again.

Spark gives a data source no way from a task back to the driver, so a note is a small file in a folder
that both see. A file's name is made of what it says: a task that runs twice writes it once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pi_lakeflow.errors import Refused, SinkUnavailable
from pi_lakeflow.model.span import Span, iso
from pi_lakeflow.model.work import TagFailure


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """This span of this tag is missing in what a batch delivered."""

    webid: str
    span: Span


class Notes:
    """The notes of one batch, in a folder of their own."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def add(self, failures: Iterable[TagFailure], span: Span) -> None:
        """Write down that ``span`` of these tags is missing, and why. Raises ``SinkUnavailable``."""
        for failure in failures:
            write_once(self._folder, _note(failure, span), suffix="json")

    def __iter__(self) -> Iterator[LeftBehind]:
        """What is missing of tags that have a WebId, in a stable order."""
        found = set()
        for path in self._folder.glob("*.json") if self._folder.is_dir() else ():
            note = json.loads(path.read_text(encoding="utf-8"))
            if note["tag_webid"]:
                found.add((note["tag_webid"], note["start_micros"], note["end_micros"]))
        return (LeftBehind(webid, Span(start, end)) for webid, start, end in sorted(found))


def refuse(failures: Sequence[TagFailure]) -> NoReturn:
    """Raise ``Refused`` for the first of ``failures``, and say how to go on without it."""
    first = failures[0]
    others = f" (and {len(failures) - 1:,} others)" if len(failures) > 1 else ""
    hint = "option state=FOLDER (seen by driver and executors) leaves such tags behind and notes them there"
    raise Refused(
        first.message,
        subject=f"tag {first.tag.name or first.tag.webid}{others}",
        hint=f"{first.hint}; {hint}" if first.hint else hint,
        status=first.status,
    )


def write_once(folder: Path, text: str, *, suffix: str) -> str:
    """Write ``text`` under the digest of itself, whole or not at all; returns the digest."""
    name = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    path = folder / f"{name}.{suffix}"
    if path.exists():
        return name
    draft = folder / f".{name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise SinkUnavailable(
            f"cannot write: {error}", subject=str(path), hint="check the folder of the option `state`"
        ) from error
    return name


def _note(failure: TagFailure, span: Span) -> str:
    return json.dumps(
        {
            "tag_webid": failure.tag.webid,
            "tag_name": failure.tag.name,
            "start": iso(span.start),
            "end": iso(span.end),
            "start_micros": span.start,
            "end_micros": span.end,
            "status": failure.status,
            "message": failure.message,
            "hint": failure.hint,
        },
        sort_keys=True,
    )
