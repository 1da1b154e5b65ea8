"""Which tags a world has, and what they are called: computed, except where somebody changed them."""

from __future__ import annotations

import re
import threading
from array import array
from collections.abc import Iterator
from functools import lru_cache

from pi_lakeflow.simulator.cache import WeighedCache

from . import names, webid
from .tags import DataServer, Recipe, TagDef, define, name_at


class UnknownTag(LookupError):
    """No such point."""


class Directory:
    """The points of some data servers; ``sizes`` says how many each has."""

    def __init__(self, recipe: Recipe, servers: tuple[DataServer, ...], sizes: tuple[int, ...]) -> None:
        self.recipe = recipe
        self.servers = servers
        self.revision = 0  # grows with every change of names, tags or sets
        self._sizes = list(sizes)
        self._overrides: dict[tuple[int, int], TagDef] = {}
        self._renamed: dict[tuple[int, str], int] = {}
        self._deleted: set[tuple[int, int]] = set()
        self._lock = threading.RLock()
        self._text_of: tuple[int, str] = (0, "")
        self._matches: WeighedCache[array[int]] = WeighedCache(10_000_000, len)
        self._defined = lru_cache(maxsize=20_000)(self._define)

    def size(self, server: int = 0) -> int:
        """How many indices a data server has, deleted tags included."""
        return self._sizes[server]

    def tag(self, index: int, server: int = 0) -> TagDef:
        """Tag number ``index`` of a data server, or :class:`UnknownTag`."""
        if not 0 <= index < self._sizes[server] or (server, index) in self._deleted:
            raise UnknownTag(f"{self.servers[server].name}: {index}")
        return self._overrides.get((server, index)) or self._defined(server, index)

    def original(self, index: int, server: int = 0) -> TagDef:
        """What tag ``index`` was at first, whatever became of it since."""
        return self._defined(server, index)

    def tags(self, server: int = 0) -> Iterator[TagDef]:
        """All tags of a data server, in order of their indices."""
        for index in range(self._sizes[server]):
            if (server, index) not in self._deleted:
                yield self.tag(index, server)

    def has_deleted(self, server: int = 0) -> bool:
        """Whether some indices of a data server are gone."""
        return any(number == server for number, _ in self._deleted)

    def matching(self, server: int, key: str, pattern: re.Pattern[str]) -> array[int]:
        """The indices of the tags whose names match, in order; ``key`` names the pattern in a cache."""
        known = self._matches.get((server, key, self.revision))
        if known is None:
            full = pattern.fullmatch
            known = array("q", (index for index, name in self._names(server) if full(name)))
            self._matches.put((server, key, self.revision), known)
        return known

    def _names(self, server: int) -> Iterator[tuple[int, str]]:
        """Index and name of all tags, without the rest of their definitions."""
        for index, name in enumerate(self._given_names(self._sizes[server])):
            if (server, index) not in self._deleted:
                changed = self._overrides.get((server, index))
                yield index, name if changed is None else changed.name

    def _given_names(self, count: int) -> list[str]:
        """The names that tags have unless somebody renames them; kept as one text, which is smaller."""
        with self._lock:
            if self._text_of[0] != count:
                self._text_of = count, "\0".join(name_at(self.recipe, index) for index in range(count))
            return self._text_of[1].split("\0") if count else []

    def by_name(self, name: str, server: int = 0) -> TagDef:
        """The tag of that name (case does not matter), or :class:`UnknownTag`."""
        wanted = name.casefold()
        known = self._renamed.get((server, wanted))
        choices = [*([] if known is None else [known]), *names.candidates(name)]
        for index in choices:
            if 0 <= index < self._sizes[server] and (server, index) not in self._deleted:
                tag = self.tag(index, server)
                if tag.name.casefold() == wanted:
                    return tag
        raise UnknownTag(name)

    def find(self, text: str) -> TagDef:
        """By WebId, by path (``\\\\server\\tag``), or by name on the first server that has it."""
        try:
            return self.by_webid(webid.parse(text))
        except (webid.BadWebId, UnknownTag):
            pass  # then it is a path or a name
        if text.startswith("\\\\"):
            return self.by_path(text)
        for server in self.servers:
            try:
                return self.by_name(text, server.number)
            except UnknownTag:
                continue
        raise UnknownTag(text)

    def by_path(self, path: str) -> TagDef:
        """By ``\\\\server\\tag``."""
        head, _, name = path.removeprefix("\\\\").partition("\\")
        for server in self.servers:
            if server.name.casefold() == head.casefold():
                return self.by_name(name, server.number)
        raise UnknownTag(path)

    def by_webid(self, item: webid.WebId) -> TagDef:
        """By the parts of a WebId of a point; ids win over the path of a full id."""
        if item.marker != webid.POINT:
            raise UnknownTag("not a PI point")
        if isinstance(item.object, int):
            for server in self.servers:
                if item.server in (None, server.guid):
                    return self.tag(item.object - 1, server.number)
        if item.server is None and item.path is not None:
            return self.by_path(item.path)
        raise UnknownTag(str(item.object))

    def webid(self, tag: TagDef, web_id_type: str = "IDOnly") -> str:
        """The WebId of a tag."""
        return webid.mint(web_id_type, webid.POINT, server=tag.server.guid, path=tag.path, item=tag.point_id)

    def _override(self, tag: TagDef) -> TagDef:
        self._overrides[tag.server.number, tag.index] = tag
        self.revision += 1
        return tag

    def _define(self, server: int, index: int) -> TagDef:
        return define(self.recipe, self.servers[server], index)
