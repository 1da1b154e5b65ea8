"""What people do to frames: acknowledge, edit, delete, re-open, annotate, create.

Times are ticks; every change has its moment, which becomes the frame's modification time.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import KeysView, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pi_lakeflow.simulator.world.assets import TEMPLATES, Place
from pi_lakeflow.simulator.world.hashing import scramble

from .model import OPEN, Frame, FrameAnnotation, seen
from .sources import PLACES, SourceKind, source_number

if TYPE_CHECKING:
    from .frames import Frames

Id = tuple[int, int]


@dataclass(slots=True)
class _Change:
    """What differs from the base, and since when; ``gone`` when the frame was deleted."""

    fields: dict[str, Any] = field(default_factory=dict)
    at: int = 0
    gone: bool = False


class FrameChanges:
    """Changes since the world began, kept for ever."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._changes: dict[Id, _Change] = {}
        self._created: dict[Id, Frame] = {}
        self._lock = threading.RLock()
        self.count = 0  # grows with every change

    @property
    def touched(self) -> KeysView[Id]:
        """The frames that are not what the seed made, in order of their first change."""
        return self._changes.keys()

    def apply(self, one: Id, now: int) -> Frame | None:
        """A changed frame as it is now; None when it is gone."""
        change = self._changes[one]
        if change.gone:
            return None
        created = self._created.get(one)
        base = created or self._frames.base(*one)
        frame = created or (seen(base, now) if base is not None else None)
        if frame is None:
            return None
        return replace(frame, **change.fields, modified=max(frame.modified, change.at))

    def created_below(self, frame: Frame) -> list[Id]:
        """The frames that were created under a frame."""
        return [
            one
            for one, made in self._created.items()
            if made.parent == frame.ordinal and made.above == frame.source
        ]

    # -- changes ---------------------------------------------------------------------------------

    def acknowledge(self, frame: Frame, by: str, *, at: int | None = None) -> None:
        """Somebody has seen it."""
        moment = self._moment(at)
        self._set(frame, moment, acknowledged_by=by, acknowledged_at=moment)

    def edit(self, frame: Frame, *, at: int | None = None, **fields: Any) -> None:
        """Other values for fields of :class:`Frame` (``severity="Major"``, ``end=ticks``)."""
        unknown = set(fields) - set(_EDITABLE)
        if unknown:
            raise ValueError(f"cannot edit {sorted(unknown)}")
        self._set(frame, self._moment(at), **fields)

    def reopen(self, frame: Frame, *, at: int | None = None) -> None:
        """It has no end after all."""
        self._set(frame, self._moment(at), end=OPEN, captured=False)

    def capture(self, frame: Frame, *, at: int | None = None) -> None:
        """Keep the values of its attributes."""
        base = self._frames.base(frame.source, frame.ordinal)
        values = frame.values if base is None else base.values
        self._set(frame, self._moment(at), captured=True, values=values)

    def delete(self, frame: Frame) -> None:
        """It never happened; children go with it."""
        for child in self._frames.children(frame):
            self.delete(child)
        with self._lock:
            change = self._changes.setdefault(frame.id, _Change())
            change.gone = True
            self.count += 1

    def create(
        self,
        *,
        name: str,
        start: int,
        end: int = OPEN,
        template: str = "",
        database: int = 0,
        parent: Frame | None = None,
        places: Sequence[Place] = (),
        description: str = "",
        severity: str | None = None,
        values: Mapping[str, object] | None = None,
    ) -> Frame:
        """A frame of somebody's own making."""
        defined = TEMPLATES.get(template)
        with self._lock:
            source = source_number(SourceKind.CREATED, 0)
            ordinal = (1 + len(self._created)) * PLACES
            frame = Frame(
                source=source,
                ordinal=ordinal,
                name=name,
                description=description,
                template=template,
                severity=severity or (defined.severity if defined else "None"),
                categories=(),
                start=start,
                end=end,
                places=tuple(places),
                values=tuple((values or {}).items()),
                modified=self._moment(None),
                database=database,
                parent=None if parent is None else parent.ordinal,
                above=None if parent is None else parent.source,
                can_be_acknowledged=defined.can_be_acknowledged if defined else False,
                captured=end != OPEN,
            )
            self._created[frame.id] = frame
            self._changes[frame.id] = _Change(at=frame.modified)
            self.count += 1
            return frame

    # -- annotations -----------------------------------------------------------------------------

    def annotate(
        self,
        frame: Frame,
        value: str,
        *,
        by: str,
        name: str = "",
        description: str = "",
        at: int | None = None,
    ) -> FrameAnnotation:
        """Somebody notes something."""
        moment = self._moment(at)
        dice = scramble(frame.source, frame.ordinal, self.count)
        made = FrameAnnotation(
            uuid.UUID(int=scramble(dice, 1) << 64 | scramble(dice, 2), version=4),
            name,
            description,
            value,
            by,
            moment,
            by,
            moment,
        )
        self._set(frame, moment, annotations=(*frame.annotations, made))
        return made

    def edit_annotation(self, frame: Frame, note: FrameAnnotation, *, by: str, **fields: Any) -> None:
        """Other contents; None in place of ``media`` removes the attachment."""
        moment = self._moment(None)
        changed = replace(note, **fields, modifier=by, modified=moment)
        kept = tuple(changed if each.id == note.id else each for each in frame.annotations)
        self._set(frame, moment, annotations=kept)

    def delete_annotation(self, frame: Frame, note: FrameAnnotation) -> None:
        kept = tuple(each for each in frame.annotations if each.id != note.id)
        self._set(frame, self._moment(None), annotations=kept)

    def _moment(self, at: int | None) -> int:
        return self._frames.world.clock.now() if at is None else at

    def _set(self, frame: Frame, moment: int, **fields: Any) -> None:
        with self._lock:
            change = self._changes.setdefault(frame.id, _Change())
            change.fields |= fields
            change.at = max(change.at, moment)
            self.count += 1


_EDITABLE = ("name", "description", "severity", "categories", "start", "end", "places", "values", "locked")
