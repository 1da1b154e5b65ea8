r"""The event frames of the simulated plant: ``frames = world.part(Frames)``. Times are ticks.

::

    frames.between(first, last), frames.all()    what exists now, with all fields: the truth for tests
    frames.get(source, ordinal), by_guid, by_webid, by_path
    frames.children(frame), parent(frame), elements(frame)
    frames.guid(frame), webid(frame), path(frame)
    frames.changes.acknowledge(frame, "PLANT\\me"), edit, reopen, delete, create, annotate, capture

Limit alarms follow from the archive (``alarms.py``), the rest from the seed (``plant.py``); people
acknowledge and annotate (``people.py``). How much happens is the world's ``FramePlan``.
"""

from .changes import FrameChanges
from .frames import Frames, UnknownFrame
from .model import OPEN, SEVERITIES, Frame, FrameAnnotation

__all__ = ["OPEN", "SEVERITIES", "Frame", "FrameAnnotation", "FrameChanges", "Frames", "UnknownFrame"]
