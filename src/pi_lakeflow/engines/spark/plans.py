"""Where a stream's plans are kept: in the offset itself while they are small, else in a folder.

A plan is written before the offset that names it, under the digest of its content, and never
changed: an offset in a checkpoint always finds the plan that it was made with.
"""

from __future__ import annotations

from pathlib import Path

from pi_lakeflow.engines.spark.leftbehind import Notes, write_once
from pi_lakeflow.engines.spark.waves import Position, StreamPlan
from pi_lakeflow.errors import SettingsError

INLINE = 16_384  # characters of an offset that a checkpoint and Spark's progress reports bear


class Plans:
    """Keeps plans and finds them again. ``folder`` is the option ``state``, None when there is none."""

    def __init__(self, folder: str | None) -> None:
        if folder and "://" in folder:
            raise SettingsError(
                f"{folder!r} is a URL",
                subject="option 'state'",
                hint="name a folder: a shared file system, or /Volumes/... on Databricks",
            )
        self._folder = Path(folder) if folder else None
        self._known: dict[str, StreamPlan] = {"": StreamPlan()}

    def keep(self, plan: StreamPlan) -> tuple[str, str | None]:
        """The plan's version, and its text when it travels in the offset.

        Raises ``SettingsError`` when the plan is too large for that and there is no folder.
        """
        self._known[plan.version] = plan
        if self._folder is not None:
            return write_once(self._folder / "plans", plan.to_json(), suffix="json"), None
        packed = plan.packed()
        if len(packed) > INLINE:
            count = sum(len(wave.tags) for wave in plan.waves)
            raise SettingsError(
                f"a stream of {count:,} tags needs a folder for its plans",
                subject="option 'state'",
                hint="option state=FOLDER, one per query, that survives a restart of the driver",
            )
        return plan.version, packed

    def find(self, position: Position) -> StreamPlan:
        """The plan of an offset. Raises ``SettingsError`` when its file is gone."""
        if position.plan not in self._known:
            self._known[position.plan] = self._load(position)
        return self._known[position.plan]

    def notes(self, position: Position) -> Notes | None:
        """What the batch that ends at ``position`` left behind; None without a folder."""
        return Notes(self.folder_of(position)) if self._folder is not None else None

    def folder_of(self, position: Position) -> str:
        """Where those notes are."""
        return str((self._folder or Path()) / "left" / position.key)

    def _load(self, position: Position) -> StreamPlan:
        if position.inline is not None:
            return StreamPlan.unpacked(position.inline)
        path = (self._folder or Path()) / "plans" / f"{position.plan}.json"
        try:
            return StreamPlan.from_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(
                f"the checkpoint needs the plan {position.plan}, and {path} cannot be read",
                subject="option 'state'",
                hint="give the query the folder that it was started with",
            ) from error
