"""Everything that can be set about a simulator, as frozen values with their defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from .faults import Fault
from .world.clock import Clock
from .world.frameplan import FramePlan
from .world.oddities import Oddities
from .world.world import DEFAULT_START


@dataclass(frozen=True, slots=True)
class Limits:
    """The server's own limits (PI Web API user guide, configuration items)."""

    max_returned_items: int = 150_000  # MaxReturnedItemsPerCall
    default_max_count: int = 1_000
    search_max_count: int = 1_000
    rate_limit_requests: int = 1_000  # RateLimitMaxRequests per client; 0 = none
    search_rate_limit_requests: int = 50  # RateLimitSearchMaxRequests, of .../search
    rate_limit_seconds: float = 1.0  # RateLimitDuration
    rate_limit_retry_after: float | None = None  # seconds; None = no such header
    max_request_bytes: int = 4_194_304  # MaxRequestContentLength
    max_segment: int = 260  # HTTP.sys, characters of one URL segment
    max_request_head: int = 16_384  # HTTP.sys, bytes of request line and headers
    # Whether MaxReturnedItemsPerCall also bounds the sum of a streamset call (not documented)
    items_limit_on_sum: bool = False


@dataclass(frozen=True, slots=True)
class Capacity:
    """How strong the server is: seconds of work, and workers that share it.

    A request costs ``per_request + per_event * events + per_byte * bytes`` seconds of one of
    ``workers``; more than ``queue`` waiting requests are refused with 503. Nobody publishes such
    figures: the presets are round numbers of the right order, made to compare strategies.
    """

    workers: int = 0  # 0 = no model: as fast as this computer
    per_request: float = 0.0
    per_event: float = 0.0
    per_byte: float = 0.0
    queue: int = 1_000
    retry_after: float | None = None  # seconds, with the 503

    @classmethod
    def laptop(cls) -> Capacity:
        """All on one notebook: two cores do everything, the disks are local, the queue is short."""
        return cls(workers=2, per_request=0.004, per_event=4e-6, per_byte=2e-9, queue=50)

    @classmethod
    def plant(cls) -> Capacity:
        """One server for a plant, the archive one switch away: longer to reach, faster to read."""
        return cls(workers=8, per_request=0.006, per_event=1.5e-6, per_byte=1e-9, queue=200, retry_after=1.0)

    @classmethod
    def enterprise(cls) -> Capacity:
        """A strong server beside a large archive that has everything in memory, on a fast network."""
        return cls(
            workers=32, per_request=0.003, per_event=5e-7, per_byte=5e-10, queue=1_000, retry_after=1.0
        )


@dataclass(frozen=True, slots=True)
class Live:
    """The live side, channels and Stream Updates: mostly what no public source says."""

    discarded: int = 2  # live values for each archived one that compression discards
    updates_lifetime: float = 300.0  # seconds without a poll after which a registration is over
    updates_per_poll: int = 10_000  # events of one stream in one answer
    updates_kept: int = 100_000  # events of one stream that older markers can read again
    register_status: int = 200  # 201 is mentioned as well
    one_failed_poll_fails_all: bool = False  # whether one unknown marker fails the whole streamset call
    poll_seconds: float = 0.25  # how often a channel looks for news; heartbeatRate counts such looks
    values_per_message: int = 500  # a channel's message; one stream's news stay together
    writer_limit: int = 65_536  # bytes under way to a client before the channel waits for it
    slow_reader: Literal["wait", "close", "skip"] = "wait"  # what then happens to the client
    slow_reader_seconds: float = 10.0  # of waiting, after which that happens
    channel_log: int = 5_000_000  # values sent that are remembered for tests


@dataclass(frozen=True, slots=True)
class Auth:
    """``methods`` out of basic, bearer, negotiate, anonymous; anonymous overrides the rest."""

    methods: tuple[str, ...] = ("anonymous",)
    users: dict[str, str] = field(default_factory=lambda: {"pi": "pi"}, repr=False)
    clients: dict[str, str] = field(default_factory=lambda: {"lakeflow": "secret"}, repr=False)
    token_seconds: float = 3600.0

    def __post_init__(self) -> None:
        unknown = set(self.methods) - {"basic", "bearer", "negotiate", "anonymous"}
        if unknown or not self.methods:
            raise ValueError(f"unknown authentication methods: {sorted(unknown) or 'none given'}")


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """A simulated PI Web API server. All times of the world are UTC; see :class:`World`."""

    # The world
    seed: int = 1
    tags: int = 100
    density: float = 1.0  # events per minute of an ordinary tag
    uniform: bool = False  # plain decimals at exactly that pace, for benchmarks
    oddities: Oddities = field(default_factory=Oddities)
    start: datetime = DEFAULT_START  # nothing is older
    clock: Clock | None = None  # None = the computer's
    twins: int | None = None  # tags of the same names on a second data server
    frames: FramePlan = field(default_factory=FramePlan)  # how many event frames there are

    # The server
    host: str = "127.0.0.1"
    port: int = 0  # 0 = any free one
    base_path: str = "/piwebapi"
    tls: bool = False  # with a certificate of its own making
    time_zone: str = "UTC"  # of times without an offset; Windows or IANA name
    web_id_type: str = "Full"  # configuration item WebIDType
    version: str = "2023 SP1"  # or a number; older ones lack newer routes and properties
    debug_mode: bool = False
    csrf_defense: bool = True
    gzip: bool = True  # when the client accepts it
    gzip_level: int = 1
    batch_counts_against_rate: bool = False
    summary_counts_bad: bool = False  # whether Count includes bad values
    cache_bytes: int = 160_000_000  # of rendered blocks
    answer_cache_bytes: int = 0  # of whole answers while the clock stands still; 0 = none
    limits: Limits = field(default_factory=Limits)
    live: Live = field(default_factory=Live)
    capacity: Capacity = field(default_factory=Capacity)
    auth: Auth = field(default_factory=Auth)
    faults: tuple[Fault, ...] = ()
    fault_seed: int = 1
