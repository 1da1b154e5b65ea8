"""Who may do what on the AF server: identities, the accounts mapped to them, and their rights.

One table of rights for all objects, as a fresh AF server has it: nothing is set on single objects.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import ClassVar

from .assets import Assets
from .world import World

RIGHTS = (
    "Read",
    "Write",
    "Delete",
    "Execute",
    "Admin",
    "ReadData",
    "WriteData",
    "Subscribe",
    "SubscribeOthers",
    "Annotate",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A security identity and what it may do."""

    marker: ClassVar[str] = "SI"
    owner: ClassVar[None] = None
    name: str
    description: str
    guid: uuid.UUID
    path: str
    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """An account of the domain that has an identity."""

    marker: ClassVar[str] = "SM"
    owner: ClassVar[None] = None
    name: str
    account: str
    guid: uuid.UUID
    path: str
    identity: Identity


_IDENTITIES = (
    ("Administrators", "May do everything", RIGHTS),
    ("Engineers", "Build the asset model", tuple(r for r in RIGHTS if r != "Admin")),
    (
        "Operators",
        "Watch, annotate and acknowledge",
        ("Read", "ReadData", "Execute", "Subscribe", "Annotate"),
    ),
    ("World", "Everybody", ("Read", "ReadData")),
)
_ACCOUNTS = (
    ("PLANT\\administrator", "Administrators"),
    ("PLANT\\engineers", "Engineers"),
    ("PLANT\\operators", "Operators"),
    ("PLANT\\pi", "Engineers"),
    ("PLANT\\Domain Users", "World"),
)


class Security:
    """``world.part(Security)``."""

    def __init__(self, world: World) -> None:
        assets = world.part(Assets)
        self.assets, self.server = assets, assets.server
        self.identities = tuple(
            Identity(name, text, self._guid(name), f"{self.server.path}\\SecurityIdentities[{name}]", rights)
            for name, text, rights in _IDENTITIES
        )
        named = {identity.name: identity for identity in self.identities}
        self.mappings = tuple(
            Mapping(
                account.partition("\\")[2],
                account,
                self._guid(account),
                f"{self.server.path}\\SecurityMappings[{account}]",
                named[identity],
            )
            for account, identity in _ACCOUNTS
        )

    def _guid(self, name: str) -> uuid.UUID:
        return uuid.uuid5(self.server.guid, f"security:{name}")

    def identities_of(self, account: str) -> list[Identity]:
        """What an account is mapped to; everybody belongs to World. ``\\`` may be missing."""
        wanted = account.rpartition("\\")[2].casefold()
        found = [m.identity for m in self.mappings if m.account.rpartition("\\")[2].casefold() == wanted]
        return [*found, *(i for i in self.identities if i.name == "World" and i not in found)]

    def rights_of(self, account: str) -> list[str]:
        """The rights of all identities of an account, in the order of :data:`RIGHTS`."""
        allowed = {right for identity in self.identities_of(account) for right in identity.allowed}
        return [right for right in RIGHTS if right in allowed]
