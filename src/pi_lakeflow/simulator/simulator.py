"""One simulated server: its world, its switches, its counters."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .cache import WeighedCache
from .config import SimulatorConfig
from .faults import Faults
from .http.answers import Answers
from .http.auth import Gatekeeper
from .http.capacity import RateLimit, Workers
from .http.channels import Channels
from .http.render import Rows
from .http.router import Router, discover
from .http.updates import Updates
from .http.values import ValueText, weigh_rows
from .http.versions import number_of
from .stats import Stats
from .world import World


class Simulator:
    """What routes and tests share. ``url`` is the base path's absolute URL once the server listens."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.answers = Answers(config.answer_cache_bytes)
        self.reconfigure(config)
        self.world = World(
            seed=config.seed,
            tags=config.tags,
            density=config.density,
            uniform=config.uniform,
            oddities=config.oddities,
            clock=config.clock,
            start=config.start,
            twins=config.twins,
            frames=config.frames,
            discarded=config.live.discarded,
        )
        self.faults = Faults.of(config.faults, config.fault_seed)
        self.stats = Stats()
        self.rows: WeighedCache[Rows] = WeighedCache(config.cache_bytes, weigh_rows)
        self.text = ValueText(self)
        self.router: Router = discover()
        self.gatekeeper = Gatekeeper(config.auth, self.world.clock)
        self.updates = Updates(self)
        self.channels = Channels(self)
        self.down_until = 0.0  # of time.monotonic: connections are refused until then
        # One thread renders: two would hand the interpreter's lock to and fro. Another one packs.
        self.renderer = ThreadPoolExecutor(1, thread_name_prefix="simulator-render")
        self.packer = ThreadPoolExecutor(1, thread_name_prefix="simulator-gzip")
        self.started = self.world.clock.now()
        self.instance = uuid.uuid5(uuid.NAMESPACE_URL, f"simulator:{config.seed}")
        self.url = ""
        self.ca_file: Path | None = None

    def reconfigure(self, config: SimulatorConfig) -> None:
        """Take on other limits, capacity, version and the like; the world stays as it is."""
        limits = config.limits
        self.config = config
        self.version = number_of(config.version)
        self.rate_limit = RateLimit(limits.rate_limit_requests, limits.rate_limit_seconds)
        self.search_limit = RateLimit(limits.search_rate_limit_requests, limits.rate_limit_seconds)
        self.workers = Workers(config.capacity)
        self.answers.clear()

    @property
    def configuration(self) -> dict[str, object]:
        """The configuration items that PI Web API shows to its administrators."""
        config = self.config
        return {
            "MaxReturnedItemsPerCall": config.limits.max_returned_items,
            "RateLimitMaxRequests": config.limits.rate_limit_requests,
            "RateLimitDuration": config.limits.rate_limit_seconds,
            "RateLimitSearchMaxRequests": config.limits.search_rate_limit_requests,
            "MaxRequestContentLength": config.limits.max_request_bytes,
            "EnableCSRFDefense": config.csrf_defense,
            "DebugMode": config.debug_mode,
            "WebIDType": config.web_id_type,
            "AuthenticationMethods": [_METHOD_NAMES[m] for m in config.auth.methods],
        }

    def since(self, major: int, minor: int) -> bool:
        """Whether the version that the server pretends to have is at least this one."""
        parts = [int(part) for part in self.version.split(".")[:2]]
        return parts >= [major, minor]

    def restart(self, seconds: float = 0.0) -> None:
        """The service stops and is back after ``seconds``; what it kept for clients is lost."""
        self.down_until = time.monotonic() + seconds
        self.updates.clear()
        self.channels.end("close")

    @property
    def annotated(self) -> bool:
        """Whether TimedValues say whether they are annotated, which came with 2018."""
        return self.since(1, 11) and not self.faults.no_annotated

    def close(self) -> None:
        """Let go of threads."""
        for threads in (self.renderer, self.packer):
            threads.shutdown(wait=False, cancel_futures=True)


_METHOD_NAMES = {"anonymous": "Anonymous", "basic": "Basic", "bearer": "Bearer", "negotiate": "Kerberos"}
