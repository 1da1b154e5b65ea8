"""Event frames, their attributes and annotations as JSON."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.http.assets.items import ItemPrinter
from pi_lakeflow.simulator.http.assets.objects import associations
from pi_lakeflow.simulator.http.call import Call
from pi_lakeflow.simulator.http.fields import Tree
from pi_lakeflow.simulator.http.routes.points import point_object
from pi_lakeflow.simulator.world import UnknownTag
from pi_lakeflow.simulator.world import ticks as t
from pi_lakeflow.simulator.world.assets import TEMPLATES, Kind
from pi_lakeflow.simulator.world.frames import Frame, FrameAnnotation, Frames

from .attributes import FrameAttribute
from .lists import categories_of

_STREAM_LINKS = {
    "InterpolatedData": "interpolated",
    "RecordedData": "recorded",
    "PlotData": "plot",
    "SummaryData": "summary",
    "Value": "value",
    "EndValue": "end",
}
_LISTS = {
    "Attributes": "attributes",
    "EventFrames": "eventframes",
    "ReferencedElements": "referencedelements",
    "Categories": "categories",
    "Annotations": "annotations",
    "Security": "security",
    "SecurityEntries": "securityentries",
}
_RIGHTS = (
    *("CanAnnotate", "CanDelete", "CanExecute", "CanRead", "CanReadData", "CanSubscribe"),
    *("CanSubscribeOthers", "CanWrite", "CanWriteData", "HasAdmin"),
)


class FramePrinter(ItemPrinter):
    """Prints what belongs to event frames, for one call."""

    def __init__(self, call: Call, tree: Tree | None = None) -> None:
        super().__init__(call, tree)
        self.frames = call.sim.world.part(Frames)

    def frame(self, frame: Frame) -> dict[str, Any]:
        """An event frame."""
        frames, kind = self.frames, self.call.web_id_type
        web_id = frames.webid(frame, kind)
        item: dict[str, Any] = {
            "WebId": web_id,
            "Id": str(frames.guid(frame)),
            "Name": frame.name,
            "Description": frame.description,
            "Path": frames.path(frame),
            "TemplateName": frame.template,
            "HasChildren": bool(frame.children) or bool(frames.changes.created_below(frame)),
            "CategoryNames": list(categories_of(frame)),
            "ExtendedProperties": {},
            "StartTime": t.to_text(frame.start),
            "EndTime": t.to_text(frame.end),
            "Severity": frame.severity,
            "AcknowledgedBy": frame.acknowledged_by,
            "AcknowledgedDate": t.to_text(frame.acknowledged_at),
            "CanBeAcknowledged": frame.can_be_acknowledged,
            "IsAcknowledged": frame.acknowledged,
            "IsAnnotated": bool(frame.annotations),
            "IsLocked": frame.locked,
            "AreValuesCaptured": frame.captured,
            "RefElementWebIds": [self._id(element) for element in frames.elements(frame)],
            "Security": dict.fromkeys(_RIGHTS, True) | {"Rights": list(_RIGHTS)},
        }
        return self._links(item, self._frame_links(frame, web_id)) if self._linked else item

    def _frame_links(self, frame: Frame, web_id: str) -> dict[str, Any]:
        frames = self.frames
        database = frames.database(frame)
        parent, elements = frames.parent(frame), frames.elements(frame)
        template = self.assets.catalogue.named(Kind.ELEMENT_TEMPLATE, database, frame.template)
        links: dict[str, Any] = {"Self": self.url("eventframes", web_id)}
        links |= {name: self.url("eventframes", web_id, verb) for name, verb in _LISTS.items()}
        links["Database"] = self.url("assetdatabases", self._id(database))
        links["Parent"] = parent and self.url("eventframes", frames.webid(parent, self.call.web_id_type))
        links["Template"] = template and self.url("elementtemplates", self._id(template))
        if elements:
            links["PrimaryReferencedElement"] = self.url("elements", self._id(elements[0]))
        return links | {name: self.url("streamsets", web_id, verb) for name, verb in _STREAM_LINKS.items()}

    def frame_attribute(self, attribute: FrameAttribute) -> dict[str, Any]:
        """An attribute of an event frame."""
        definition = attribute.definition
        item = self.base(
            attribute,
            **self._definition(definition),
            DataReferencePlugIn=definition.reference,
            ConfigString=self._config(attribute),
            IsExcluded=False,
            HasChildren=False,
            DisplayDigits=-5,
            Span=100.0,
            Zero=0.0,
            Step=not definition.reference,
            DataReference=self._frame_reference(attribute),
        )
        if "paths" in associations(self.call):
            item["Paths"] = [attribute.path]
        return (
            self._links(item, self._frame_attribute_links(attribute, item["WebId"])) if self._linked else item
        )

    def _config(self, attribute: FrameAttribute) -> str:
        tag = self._tag_of(attribute)
        return tag.path if tag is not None else ""

    def _tag_of(self, attribute: FrameAttribute) -> Any:
        if not attribute.definition.reference or attribute.frame.tag is None:
            return None
        try:
            return self.frames.world.tag(attribute.frame.tag)
        except UnknownTag:
            return None

    def _frame_reference(self, attribute: FrameAttribute) -> dict[str, Any] | None:
        if "datareference" not in associations(self.call) or not attribute.definition.reference:
            return None
        tag = self._tag_of(attribute)
        point = point_object(self.call, tag) if tag is not None else {}
        return {
            "Type": attribute.definition.reference,
            "PIPoint": {n: v for n, v in point.items() if n != "Links"},
        }

    def _frame_attribute_links(self, attribute: FrameAttribute, web_id: str) -> dict[str, Any]:
        frames = self.frames
        links: dict[str, Any] = {
            "Self": self.url("attributes", web_id),
            "Attributes": self.url("attributes", web_id, "attributes"),
            "Categories": self.url("attributes", web_id, "categories"),
            "EventFrame": self.url("eventframes", frames.webid(attribute.frame, self.call.web_id_type)),
        }
        root = frames.database(attribute.frame).path
        path = f"{root}\\ElementTemplates[{attribute.template}]|{attribute.name}"
        template = self.assets.catalogue.by_path(path) if attribute.template in TEMPLATES else None
        links["Template"] = template and self.url("attributetemplates", self._id(template))
        if attribute.definition.trait:
            links["Trait"] = self.call.link(f"/attributetraits/{attribute.definition.trait}")
        tag = self._tag_of(attribute)
        if tag is not None:
            links["Point"] = self.url("points", frames.world.webid(tag, self.call.web_id_type))
        links |= {name: self.url("streams", web_id, verb) for name, verb in _STREAM_LINKS.items()}
        if not attribute.definition.reference:
            links["Value"] = self.url("attributes", web_id, "value")
        return links

    def annotation(self, frame: Frame, note: FrameAnnotation) -> dict[str, Any]:
        """An annotation of an event frame."""
        owner = self.frames.webid(frame, self.call.web_id_type)
        own = ("eventframes", owner, "annotations", str(note.id))
        links = {"Self": self.url(*own), "Owner": self.url("eventframes", owner)}
        if note.media is not None and self.call.sim.since(1, 11):
            links["MediaMetadata"] = self.url(*own, "attachment", "media", "metadata")
            links["MediaData"] = self.url(*own, "attachment", "media", "mediadata")
        return {
            "Id": str(note.id),
            "Name": note.name,
            "Description": note.description,
            "Value": note.value,
            "Creator": note.creator,
            "CreationDate": t.to_text(note.created),
            "Modifier": note.modifier,
            "ModifyDate": t.to_text(note.modified),
            "Errors": [],
            "Links": links,
        }
