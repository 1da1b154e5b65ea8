"""Who is told about what: ``world.part(Notifications)``. Rules of machines, their subscribers, contacts.

Every machine has the rules of its templates; nothing is kept for those that nobody asks for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .assets import Assets, Database, Element, Item, Key, Kind, Level, Place, lineage, number_of
from .hashing import scramble

if TYPE_CHECKING:
    from .world import World

_LEVEL_BITS = 36
_TEMPLATE_FLAG = 1 << 39  # in a subscriber's key: it belongs to a rule template
RULE, TEMPLATE = Kind.NOTIFICATION_RULE, Kind.NOTIFICATION_TEMPLATE
SUBSCRIBER, CONTACT, PLUGIN = Kind.SUBSCRIBER, Kind.CONTACT_TEMPLATE, Kind.DELIVERY_PLUGIN


@dataclass(frozen=True, slots=True)
class ContactDef:
    """A contact; ``members`` are the names of those in a group or an escalation."""

    name: str
    description: str
    type: str
    plugin: str = ""
    config: str = ""
    members: tuple[str, ...] = ()
    escalation: str = ""
    top: bool = True


@dataclass(frozen=True, slots=True)
class RuleDef:
    """A rule template; ``target`` is its element template."""

    name: str
    target: str
    description: str
    criteria: str
    categories: tuple[str, ...]
    subscribers: tuple[str, ...]
    notify: str = "EventStart"
    resend: str = "PT0S"


@dataclass(frozen=True, slots=True)
class SubscriberDef:
    """A contact that is told by a rule."""

    contact: ContactDef
    notify: str


PLUGINS = {
    "Email": ("Delivery channel for sending e-mails", "OSIsoft.AF.Notification.DeliveryChannel.Email.dll"),
    "WebService": (
        "Delivery channel for calling a web service",
        "OSIsoft.AF.Notification.DeliveryChannel.WebService.dll",
    ),
}
CONTACTS: tuple[ContactDef, ...] = (
    ContactDef(
        "Plant Manager", "Responsible for the plant", "Individual", "Email", "ToEmail=manager@plant.example"
    ),
    ContactDef(
        "Early Operator", "Early shift", "Individual", "Email", "ToEmail=early@plant.example", top=False
    ),
    ContactDef("Late Operator", "Late shift", "Individual", "Email", "ToEmail=late@plant.example", top=False),
    ContactDef(
        "Shift Operators", "Whoever is on shift", "Group", members=("Early Operator", "Late Operator")
    ),
    ContactDef(
        "On-Call Escalation",
        "First the shift, then the manager",
        "Escalation",
        members=("Early Operator", "Plant Manager"),
        escalation="PT15M",
    ),
    ContactDef(
        "Maintenance System",
        "Opens work orders",
        "Individual",
        "WebService",
        "WebServiceUrl=https://maintenance.plant.example/orders",
    ),
)
RULES: tuple[RuleDef, ...] = (
    RuleDef(
        "Limit Alarm",
        "Equipment",
        "A measurement of the machine is beyond a limit",
        "Template:='Limit Alarm' Severity:>=Warning",
        ("Alarms",),
        ("Shift Operators", "On-Call Escalation"),
        "EventStartAndEnd",
        "PT1H",
    ),
    RuleDef(
        "Equipment Fault",
        "Equipment",
        "The machine reports a fault",
        "Template:='Equipment Alarm'",
        ("Alarms", "Equipment"),
        ("Maintenance System", "Shift Operators"),
    ),
    RuleDef(
        "Batch Done",
        "Reactor",
        "A batch has ended",
        "Template:=Batch",
        ("Batches",),
        ("Plant Manager",),
        "EventEnd",
    ),
)


class Notifications:
    """Items of the kinds above; ``data`` is their definition."""

    def __init__(self, world: World) -> None:
        self._assets = world.part(Assets)

    # -- lists -----------------------------------------------------------------------------------

    def rules(self, element: Element) -> list[Item]:
        """The rules of an element, by name."""
        found = [
            self._rule(element, n) for n, rule in enumerate(RULES) if rule.target in lineage(element.template)
        ]
        return sorted(found, key=lambda rule: rule.name)

    def all_rules(self, database: Database) -> Iterator[Item]:
        """The rules of all machines of a database."""
        for k in range(self._assets.equipment(database)):
            yield from self.rules(self._assets.element(database, Place(Level.EQUIPMENT, k)))

    def templates(self, database: Database, target: str | None = None) -> list[Item]:
        """The rule templates of a database, or of one element template."""
        return [self._template(database, n) for n, rule in enumerate(RULES) if target in (None, rule.target)]

    def subscribers(self, above: Item) -> list[Item]:
        """Who is told by a rule or rule template; the members of a subscribed group."""
        key = self._assets.guids.read(above.guid)
        if key is None:
            return []
        if above.kind is SUBSCRIBER:
            contacts, first = self._members(above.data.contact), key.b << 4
            notify = above.data.notify
        else:
            rule: RuleDef = above.data
            contacts, notify = [self._contact_def(name) for name in rule.subscribers], rule.notify
            first = key.b << 8 | 1 << 4 if above.kind is RULE else 1 << 4
        a = key.a | (_TEMPLATE_FLAG if above.kind is TEMPLATE else 0)
        return [
            self._subscriber(above, contact, notify, Key(SUBSCRIBER, key.database, a, first + n))
            for n, contact in enumerate(contacts)
        ]

    def contacts(self, above: Item | None = None) -> list[Item]:
        """The contacts of the server, or the members of a group."""
        if above is not None:
            return [self._contact(contact) for contact in self._members(above.data)]
        return [self._contact(contact) for contact in CONTACTS if contact.top]

    def plugins(self) -> list[Item]:
        """The delivery channels."""
        return [self._plugin(name) for name in PLUGINS]

    # -- identity --------------------------------------------------------------------------------

    def by_guid(self, guid: uuid.UUID) -> Item | None:
        """Any of these items; None when it is none."""
        if guid in self._fixed:
            return self._fixed[guid]
        key = self._assets.guids.read(guid)
        if key is None or key.kind not in (RULE, SUBSCRIBER) or key.a & _TEMPLATE_FLAG:
            return None
        place = Place(Level(key.a >> _LEVEL_BITS), key.a & (1 << _LEVEL_BITS) - 1)
        rules = self.rules(self._assets.element(self._assets.databases[key.database], place))
        return next(
            (item for rule in rules for item in self._with_subscribers(rule) if item.guid == guid), None
        )

    def by_path(self, path: str) -> Item | None:
        """Any of these items; case does not matter."""
        folded = path.casefold()
        at = folded.find("\\notificationrules[")
        if at > 0:
            rules = self.rules(self._assets.element_by_path(path[:at]))
            items = (item for rule in rules for item in self._with_subscribers(rule))
            return next((item for item in items if item.path.casefold() == folded), None)
        return next((item for item in self._fixed.values() if item.path.casefold() == folded), None)

    def _with_subscribers(self, item: Item) -> Iterator[Item]:
        yield item
        for below in self.subscribers(item):
            yield from self._with_subscribers(below)

    @cached_property
    def _fixed(self) -> dict[uuid.UUID, Item]:
        items = [*(self._contact(contact) for contact in CONTACTS), *self.plugins()]
        for database in self._assets.databases:
            for template in self.templates(database):
                items += self._with_subscribers(template)
        return {item.guid: item for item in items}

    # -- making ----------------------------------------------------------------------------------

    def _rule(self, element: Element, number: int) -> Item:
        rule = RULES[number]
        key = Key(RULE, element.database.number, element.place.ordinal, number)
        path = f"{element.path}\\NotificationRules[{rule.name}]"
        guid = self._assets.guids.of(key)
        return Item(RULE, "NR", guid, rule.name, path, rule.description, element.database, data=rule)

    def _template(self, database: Database, number: int) -> Item:
        rule = RULES[number]
        root = f"{database.path}\\ElementTemplates[{rule.target}]"
        guid = self._assets.guids.of(Key(TEMPLATE, database.number, number))
        path = f"{root}\\NotificationRuleTemplates[{rule.name}]"
        return Item(TEMPLATE, "NT", guid, rule.name, path, rule.description, database, data=rule)

    def _subscriber(self, above: Item, contact: ContactDef, notify: str, key: Key) -> Item:
        return Item(
            SUBSCRIBER,
            "NSL",
            self._assets.guids.of(key),
            contact.name,
            f"{above.path}\\NotificationRuleSubscribers[{contact.name}]",
            f"{contact.name}: {contact.description.lower()}",
            above.database,
            above.guid,
            above,
            SubscriberDef(contact, notify),
        )

    def _contact_def(self, name: str) -> ContactDef:
        return next(contact for contact in CONTACTS if contact.name == name)

    def _members(self, contact: ContactDef) -> list[ContactDef]:
        return [self._contact_def(name) for name in contact.members]

    def _contact(self, contact: ContactDef) -> Item:
        guid = self._assets.guids.of(Key(CONTACT, 0, number_of(contact.name)))
        path = f"{self._assets.server.path}\\NotificationContactTemplates[{contact.name}]"
        return Item(CONTACT, "NCE", guid, contact.name, path, contact.description, None, guid, data=contact)

    def _plugin(self, name: str) -> Item:
        guid = self._assets.guids.of(Key(PLUGIN, 0, number_of(name)))
        path = f"{self._assets.server.path}\\PlugInsDeliveryChannel[{name}]"
        return Item(PLUGIN, "DC", guid, name, path, PLUGINS[name][0], data=PLUGINS[name][1])


def status_of(item: Item) -> str:
    """One rule in twenty is switched off."""
    return "Disabled" if scramble(item.guid.int >> 64) % 20 == 0 else "Enabled"
