"""How many streams fit a channel: its URL names them all, and HTTP.sys refuses long ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

_EACH = len("&webId=")
_REST = len("/streamsets/channel?&webIdType=IDOnly&includeInitialValues=false&heartbeatRate=999999")


def room(root: str, limit: int) -> int:
    """Characters for WebIds in the URL of a channel below ``root`` with at most ``limit``."""
    return max(1, limit - len(root) - _REST)


def cost(webid: str) -> int:
    """Characters that one WebId takes."""
    return len(quote(webid, safe="")) + _EACH


def packed(webids: Iterable[str], characters: int, *, most: int = 1_000) -> list[Sequence[str]]:
    """Groups whose WebIds fit into ``characters``, none with more than ``most`` of them."""
    groups: list[list[str]] = []
    left = 0
    for webid in webids:
        price = cost(webid)
        if not groups or price > left or len(groups[-1]) >= most:
            groups.append([])
            left = characters
        groups[-1].append(webid)
        left -= price
    return [tuple(group) for group in groups]
