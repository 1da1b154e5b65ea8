"""What a stream's driver knows of the plant: its tags, its time, how dense its data is."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from pi_lakeflow import aio
from pi_lakeflow.engines.spark.leftbehind import Notes, refuse
from pi_lakeflow.engines.spark.options import SparkOptions
from pi_lakeflow.engines.spark.ports import Plant, Survey
from pi_lakeflow.engines.spark.work import typical
from pi_lakeflow.model.clock import SystemClock
from pi_lakeflow.model.span import DAY, SECOND, Span, from_micros
from pi_lakeflow.model.tags import Tag
from pi_lakeflow.model.work import TagFailure
from pi_lakeflow.settings import Selection, Selector, SelectorKind, parse_time

log = logging.getLogger("pi_lakeflow.spark")

GRID = 10 * SECOND  # the present moves in steps, or a stream without trigger would ask all the time


class Sight:
    """Looks around at first use, and again every ``options.rediscover`` until frozen."""

    def __init__(self, plant: Plant, options: SparkOptions) -> None:
        self._plant = plant
        self._options = options
        self._found: Survey | None = None
        self._looked = 0.0
        self._ahead = 0  # microseconds that the historian's clock is ahead of ours
        self._frozen: int | None = None  # the present that is not to move any more
        self._others: dict[str, Tag] = {}
        self._rates: Mapping[str, float] | None = None
        self.awake = False

    def freeze(self) -> None:
        """Look around once more, and then no more: neither tags nor the present change."""
        self._survey()
        self._frozen = SystemClock().now() + self._ahead

    def woken(self) -> None:
        """What was left behind has been put to work again."""
        self.awake = False

    def head(self) -> int:
        """The end of what may be read now: `until`, or the present less `settle`."""
        settings = self._options.settings
        self._survey()
        now = SystemClock().now() + self._ahead if self._frozen is None else self._frozen
        asked = parse_time(settings.until, now=from_micros(now), zone=settings.time_zone)
        settled = (now - settings.settle // timedelta(microseconds=1)) // GRID * GRID
        return min(asked, settled)

    @property
    def since(self) -> int:
        """Where the history of a new tag begins."""
        settings = self._options.settings
        return parse_time(settings.since, now=from_micros(self._survey().now), zone=settings.time_zone)

    @property
    def tags(self) -> Mapping[str, Tag]:
        """The selected tags."""
        return self._survey().tags

    @property
    def rates(self) -> Mapping[str, float]:
        """Events per microsecond, of the tags that were measured."""
        if self._rates is None:
            head = self.head()
            span = Span(min(head, max(self.since, head - DAY)), head)
            self._rates = aio.run(
                self._plant.densities(self._options.settings, list(self.tags.values()), span)
            )
        return self._rates

    def pace(self, tags: Collection[str]) -> float:
        """Rows per microsecond of all these tags together."""
        usual = typical(self.rates)
        return max(1e-12, sum(self.rates.get(webid, usual) for webid in tags))

    def known(self, webids: Sequence[str]) -> Mapping[str, Tag]:
        """These tags, also those that are no longer selected; what does not exist any more is missing."""
        tags = self._survey().tags
        asked = [webid for webid in webids if webid not in tags and webid not in self._others]
        if asked:
            selectors = tuple(Selector(SelectorKind.WEBID, webid) for webid in asked)
            settings = replace(self._options.settings, tags=Selection(selectors))
            self._others.update(aio.run(self._plant.survey(settings)).tags)
        return {webid: tag for webid in webids if (tag := tags.get(webid) or self._others.get(webid))}

    def unknown(self, webids: Iterable[str]) -> list[TagFailure]:
        """Tags of a plan that the historian does not know any more, as failures."""
        return [TagFailure(Tag(webid, ""), "the tag is no longer there") for webid in webids]

    def _survey(self) -> Survey:
        every = self._options.rediscover / SECOND
        due = self._found is None or (self._frozen is None and time.monotonic() - self._looked > every)
        if due or self._found is None:
            self._found, first = self._look(), self._found is None
            self._looked = time.monotonic()
            self._rates, self.awake = None, True
            self._missing(self._found.missing, first=first)
        return self._found

    def _look(self) -> Survey:
        found = aio.run(self._plant.survey(self._options.settings))
        self._ahead = found.now - SystemClock().now()
        return found

    def _missing(self, missing: Sequence[TagFailure], *, first: bool) -> None:
        """A name that was never found stops the query at its start; later on it is only told."""
        if not missing:
            return
        if self._options.state is not None:
            now = self._found.now if self._found else 0
            Notes(f"{self._options.state}/missing").add(missing, Span(now, now))
        elif first:
            refuse(missing)
        log.warning("not found: %s", ", ".join(each.tag.name or each.tag.webid for each in missing[:10]))
