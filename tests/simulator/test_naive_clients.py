"""Each fault and each limit, by flag and by control route: a naive client fails on it.

A naive client is a few lines that work against a friendly server. It is right without the fault, and
with it ends in an error or believes something wrong. Every fault and limit must have one.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import get_args

import aiohttp
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from naive import NOW, Client, iso
from naive_clients import (
    a_batch,
    all_at_once,
    all_in_one_url,
    all_points,
    big_batch,
    by_full_path,
    crowd,
    impatient,
    largest_page,
    largest_pages,
    late_poll,
    listening,
    old_marker,
    one_message,
    one_poll,
    one_tag,
    one_token,
    patient,
    point_by_point,
    strict,
    tag_by_tag,
    three_tags,
    two_polls,
    waiting_a_second,
    whole_seconds,
)

from pi_lakeflow.simulator import start_simulator
from pi_lakeflow.simulator.__main__ import config_from, parser
from pi_lakeflow.simulator.config import Capacity, Limits, Live
from pi_lakeflow.simulator.faults import Kind

Naive = Callable[[Client], Awaitable[bool]]


WORLD = [*("--tags", "20", "--plain", "--now", iso(NOW)), "--set", "start=2026-03-20T00:00:00Z"]


WRONG = (aiohttp.ClientError, TimeoutError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Case:
    """``switch`` is a fault's text, or a setting. ``flags`` are there with and without it."""

    naive: Naive
    switch: str
    flags: tuple[str, ...] = field(default=())

    @property
    def is_fault(self) -> bool:
        """Settings have an equals sign before anything else."""
        return "=" not in self.switch.partition(":")[0]


_BUSY = ("--set", "capacity.workers=1", "--set", "capacity.per_request=0.05")


_FEW = ("--rate-limit", "15")


_WIDE = ("--set", "capacity.workers=20", "--set", "capacity.per_request=0.15")


_QUICK = ("--set", "live.poll_seconds=0.02", "--set", "live.values_per_message=100000")


_CHANNEL = ("--set", "live.poll_seconds=0.02", "--set", "live.values_per_message=10")


_SEARCH = ("--set", "limits.search_rate_limit_requests=0")


CASES = {
    "status": Case(one_tag, "status:status=500"),
    "latency": Case(impatient, "latency:seconds=1"),
    "stall": Case(impatient, "stall:seconds=1"),
    "reset": Case(one_tag, "reset"),
    "trickle": Case(impatient, "trickle:rate=2000"),
    "cut_body": Case(one_tag, "cut_body"),
    "half_json": Case(one_tag, "half_json"),
    "html": Case(one_tag, "html"),
    "redirect": Case(one_tag, "redirect:location=http://127.0.0.1:9/"),
    "web_exception": Case(one_tag, "web_exception"),
    "gzip_bomb": Case(one_tag, "gzip_bomb:size=20000000"),
    "drop_child": Case(a_batch, "drop_child:route=/streams/*,batch=true,count=1"),
    "tag_status": Case(three_tags, "tag_status:status=410,tags=*"),
    "value_errors": Case(one_tag, "value_errors:probability=0.3,tags=*"),
    "no_annotated": Case(one_tag, "no_annotated"),
    "expire_tokens": Case(one_token, "expire_tokens:route=/streams/*,count=1", ("--auth", "bearer")),
    "channel_drop": Case(listening, "channel_drop", _CHANNEL),
    "channel_stall": Case(listening, "channel_stall:seconds=1", _CHANNEL),
    "channel_reorder": Case(listening, "channel_reorder", _CHANNEL),
    "channel_duplicate": Case(listening, "channel_duplicate", _CHANNEL),
    "limits.max_returned_items": Case(largest_page, "limits.max_returned_items=1000"),
    "limits.default_max_count": Case(one_tag, "limits.default_max_count=20"),
    "limits.search_max_count": Case(all_points, "limits.search_max_count=10", _SEARCH),
    "limits.rate_limit_requests": Case(tag_by_tag, "limits.rate_limit_requests=10"),
    "limits.search_rate_limit_requests": Case(point_by_point, "limits.search_rate_limit_requests=5"),
    "limits.rate_limit_seconds": Case(
        waiting_a_second, "limits.rate_limit_seconds=60", (*_FEW, "--set", "limits.rate_limit_seconds=0.2")
    ),
    "limits.rate_limit_retry_after": Case(
        whole_seconds, "limits.rate_limit_retry_after=0.5", ("--rate-limit", "5")
    ),
    "limits.max_request_bytes": Case(big_batch, "limits.max_request_bytes=2000"),
    "limits.max_segment": Case(by_full_path, "limits.max_segment=60"),
    "limits.max_request_head": Case(all_in_one_url, "limits.max_request_head=900"),
    "limits.items_limit_on_sum": Case(
        largest_pages, "limits.items_limit_on_sum=true", ("--set", "limits.max_returned_items=100")
    ),
    "capacity.workers": Case(crowd, "capacity.workers=1", _WIDE),
    "capacity.per_request": Case(impatient, "capacity.per_request=2", ("--set", "capacity.workers=1")),
    "capacity.per_event": Case(impatient, "capacity.per_event=0.1", ("--set", "capacity.workers=1")),
    "capacity.per_byte": Case(impatient, "capacity.per_byte=0.001", ("--set", "capacity.workers=1")),
    "capacity.queue": Case(all_at_once, "capacity.queue=2", _BUSY),
    "capacity.retry_after": Case(patient, "capacity.retry_after=0.5", (*_BUSY, "--set", "capacity.queue=2")),
    "live.updates_per_poll": Case(one_poll, "live.updates_per_poll=10"),
    "live.updates_lifetime": Case(late_poll, "live.updates_lifetime=0.05"),
    "live.updates_kept": Case(old_marker, "live.updates_kept=5"),
    "live.one_failed_poll_fails_all": Case(two_polls, "live.one_failed_poll_fails_all=true"),
    "live.register_status": Case(strict, "live.register_status=201"),
    "live.values_per_message": Case(one_message, "live.values_per_message=10", _QUICK),
}


# Settings of these parts that are no limits, or whose naive client stands elsewhere.
OTHERS = {
    "live.discarded": "part of the world: how many live values compression discards",
    "live.poll_seconds": "a pace",
    "live.channel_log": "for tests",
    "live.writer_limit": "test_channels.py",
    "live.slow_reader": "test_channels.py",
    "live.slow_reader_seconds": "test_channels.py",
}


def test_every_fault_and_limit_has_a_naive_client() -> None:
    settings = {
        f"{part}.{each.name}"
        for part, kind in (("limits", Limits), ("capacity", Capacity), ("live", Live))
        for each in fields(kind)
    }
    assert set(CASES) == {*get_args(Kind), *settings} - set(OTHERS)
    assert set(OTHERS) <= settings


async def right(case: Case, c: Client) -> bool:
    """Whether the naive client was right; errors are wrong."""
    try:
        return await case.naive(c)
    except WRONG:
        return False


@asynccontextmanager
async def client(*flags: str) -> AsyncIterator[Client]:
    """A server as the flags describe it, and a client."""
    config = config_from(parser().parse_args([*WORLD, *flags]))
    timeout = aiohttp.ClientTimeout(total=5)
    async with start_simulator(config) as sim, aiohttp.ClientSession(timeout=timeout) as session:
        yield Client(sim, session)


@pytest.mark.parametrize("name", CASES)
async def test_a_naive_client_fails_on_it_by_flag(name: str) -> None:
    case = CASES[name]
    async with client(*case.flags, "--fault" if case.is_fault else "--set", case.switch) as c:
        assert not await right(case, c)


@pytest.mark.parametrize("name", CASES)
async def test_a_naive_client_is_right_until_it_is_switched_on(name: str) -> None:
    """By the control route."""
    case = CASES[name]
    async with client(*case.flags) as c:
        assert await right(case, c)
        await switch_on(case, c)
        assert not await right(case, c)


async def switch_on(case: Case, c: Client) -> None:
    """The same as the flag, over HTTP."""
    if not case.is_fault:
        key, _, value = case.switch.partition("=")
        assert (await c.control("settings", {key: value}))[0] == 200
        return
    kind, _, rest = case.switch.partition(":")
    pairs = (part.partition("=") for part in rest.split(",") if part)
    status, body = await c.control("faults", {"add": [{"kind": kind, **{k: v for k, _, v in pairs}}]})
    assert status == 200, body
