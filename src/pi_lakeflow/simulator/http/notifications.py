"""Notification rules, their subscribers, contacts and delivery channels as JSON (models as of 2018 SP1)."""

from __future__ import annotations

from typing import Any

from pi_lakeflow.simulator.http.assets.objects import Printer
from pi_lakeflow.simulator.world.assets import Item, Kind
from pi_lakeflow.simulator.world.notifications import (
    ContactDef,
    Notifications,
    RuleDef,
    SubscriberDef,
    status_of,
)


class NotificationPrinter(Printer):
    """Prints these objects for one call. Rules, rule templates and subscribers have no ``Links``."""

    def notification(self, item: Item) -> dict[str, Any]:
        """Any of them."""
        make = {
            Kind.NOTIFICATION_RULE: self._rule,
            Kind.NOTIFICATION_TEMPLATE: self._rule,
            Kind.SUBSCRIBER: self._subscriber,
            Kind.CONTACT_TEMPLATE: self._contact,
            Kind.DELIVERY_PLUGIN: self._plugin,
        }
        return make[item.kind](item)

    def _rule(self, item: Item) -> dict[str, Any]:
        rule: RuleDef = item.data
        made = {"AutoCreated": True} if item.kind is Kind.NOTIFICATION_RULE else {}
        return self.base(
            item,
            **made,
            CategoryNames=list(rule.categories),
            Criteria=rule.criteria,
            MultiTriggerEventOption="HighestSeverity",
            NonrepetitionInterval="PT5M",
            ResendInterval=rule.resend,
            Status=status_of(item),
            TemplateName=rule.name,
        )

    def _subscriber(self, item: Item) -> dict[str, Any]:
        data: SubscriberDef = item.data
        contact = data.contact
        return self.base(
            item,
            ConfigString=contact.config,
            ContactTemplateName=contact.name,
            ContactType=contact.type,
            DeliveryFormatName="Default" if contact.plugin else "",
            EscalationTimeout=contact.escalation or "PT0S",
            MaximumRetries=3 if contact.plugin else 0,
            NotifyOption=data.notify,
            PlugInName=contact.plugin,
            RetryInterval="PT30S",
        )

    def _contact(self, item: Item) -> dict[str, Any]:
        contact: ContactDef = item.data
        made = self.base(
            item,
            Available=True,
            ConfigString=contact.config,
            ContactType=contact.type,
            EscalationTimeout=contact.escalation or "PT0S",
            HasChildren=bool(contact.members),
            MaximumRetries=3 if contact.plugin else 0,
            MinimumAcknowledgements=1 if contact.type == "Group" else 0,
            NotifyWhenInstanceEnded=contact.type == "Individual",
            PlugInName=contact.plugin,
            RetryInterval="PT30S",
        )
        if not self._linked:
            return made
        own = ("notificationcontacttemplates", made["WebId"])
        links = {
            "Self": self.url(*own),
            "AssetServer": self.url("assetservers", self._id(self.assets.server)),
            "NotificationContactTemplates": self.url(*own, "notificationcontacttemplates"),
            "Security": self.url(*own, "security"),
            "SecurityEntries": self.url(*own, "securityentries"),
            "NotificationPlugIn": self._plugin_link(contact.plugin),
        }
        return self._links(made, links)

    def _plugin_link(self, name: str) -> str:
        plugins = self.assets.world.part(Notifications).plugins()
        found = next((plugin for plugin in plugins if plugin.name == name), None)
        return self.url("notificationplugins", self.id(found)) if found else ""

    def _plugin(self, item: Item) -> dict[str, Any]:
        made = self.base(
            item,
            AssemblyFileName=item.data,
            AssemblyID=str(item.guid),
            AssemblyLoadProperties=["NET4", "SDK_NET4"],
            AssemblyTime="2016-05-25T14:01:07Z",
            CompatibilityVersion=2,
            IsBrowsable=True,
            IsNonEditableConfig=False,
            LoadedAssemblyTime="2018-03-02T08:00:00Z",
            LoadedVersion="2.10.0.8516",
            Version="2.10.0.8516",
        )
        links = {
            "Self": self.url("notificationplugins", made["WebId"]),
            "AssetServer": self.url("assetservers", self._id(self.assets.server)),
        }
        return self._links(made, links) if self._linked else made
