"""Every configuration key: its type, its default and what it means.

``Settings`` is what the rest of the package gets: frozen, typed, checked. Use
``pi_lakeflow.settings.load`` to make one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pi_lakeflow.settings.keys import Declaration, key, section
from pi_lakeflow.settings.kinds import (
    BOOLEAN,
    DURATION,
    MOMENT,
    OPTIONS,
    PATH,
    SECRET,
    SELECTION,
    TEXT,
    TEXTS,
    URL,
    ZONE,
    choice,
    positive,
    whole,
    whole_or,
)
from pi_lakeflow.settings.origins import Origin
from pi_lakeflow.settings.secrets import Secret
from pi_lakeflow.settings.selection import Selection

AuthType = Literal["anonymous", "basic", "bearer", "oidc", "kerberos", "ntlm", "negotiate"]
SEVERITIES = ("none", "unknown", "information", "warning", "minor", "major", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Who we are to the server."""

    type: AuthType = key(
        choice("anonymous", "basic", "bearer", "oidc", "kerberos", "ntlm", "negotiate"),
        default="anonymous",
        doc="`anonymous`, `basic`, `bearer`, `oidc` (client credentials), `kerberos`, `ntlm`, or `negotiate` "
        "(Kerberos, else NTLM).",
    )
    username: str | None = key(
        TEXT, doc="User for `basic` and `ntlm`; for `kerberos` when there is no ticket."
    )
    password: Secret | None = key(SECRET, doc="Password of that user.")
    token: Secret | None = key(SECRET, doc="Token for `bearer`.")
    client_id: str | None = key(TEXT, doc="Client for `oidc`.")
    client_secret: Secret | None = key(SECRET, doc="Secret of that client.")
    scope: str | None = key(TEXT, doc="Scope to ask for with `oidc`.", unset="system")
    token_url: str | None = key(
        URL,
        doc="Token endpoint for `oidc`.",
        unset="found at `<pi_web_api_url>/.well-known/openid-configuration`",
    )
    service: str | None = key(TEXT, doc="Service class of the server's Kerberos principal.", unset="HTTP")
    hostname: str | None = key(TEXT, doc="Host name in that principal, when it is not the URL's.")

    def reveal(self) -> dict[str, str]:
        """The keys that are set, with secrets in clear: for the historian's ``make_auth`` only.

        Raises ``SettingsError`` when a secret cannot be read.
        """
        found = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.reveal() if isinstance(value, Secret) else str(value)
            for name, value in found.items()
            if value is not None
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How the connection is protected."""

    verify: bool = key(
        BOOLEAN, default=True, doc="Check the server's certificate. Switching it off is reported."
    )
    ca_bundle: str | None = key(
        PATH, doc="PEM file of the certificate authorities to trust instead of the system's."
    )
    client_cert: str | None = key(PATH, doc="PEM file of our own certificate, when the server asks for one.")
    client_key: str | None = key(PATH, doc="PEM file of its key, unless that is in `client_cert`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """Where the tables live."""

    path: str = key(
        PATH,
        default="lake",
        aliases=("lake.url",),
        doc="Folder, or URL of an object store (`s3://`, `abfss://`, `gs://`): a table is at "
        "`<path>/<catalog>/<schema>/<table>`. Or `uc://WORKSPACE-HOST`: external tables of Unity Catalog.",
    )
    storage_options: Mapping[str, Secret] | None = key(
        OPTIONS,
        doc="Options of the object store (region, credentials ...), each a text or a secret reference.",
    )

    def options(self) -> dict[str, str]:
        """The storage options in clear. Raises ``SettingsError`` when a secret cannot be read."""
        return {name: value.reveal() for name, value in (self.storage_options or {}).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class LateData:
    """What happens to events that arrive, change or vanish after they were read."""

    look_back: timedelta = key(
        DURATION,
        default=timedelta(0),
        doc="Each run reads this much of the past again and corrects the lake.",
    )
    reconcile: timedelta = key(
        DURATION,
        default=timedelta(0),
        doc="Each run compares this much of the past with the server's own counts and repairs what differs.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """Live values."""

    mode: Literal["channels", "updates"] = key(
        choice("channels", "updates"),
        default="channels",
        doc="`channels`: live values by WebSocket, under a second, into the live table. `updates`: polls of "
        "Stream Updates; late, edited and deleted events are corrected in `pi_timeseries`.",
    )
    schema: str = key(TEXT, default="streaming", doc="Schema of the live twin of `pi_timeseries`.")
    flush_interval: timedelta = key(
        DURATION,
        default=timedelta(seconds=60),
        doc="Buffered events are written at the latest after this time.",
    )
    max_buffer_size: int = key(whole(), default=10_000, doc="... or when there are this many of them.")
    overlap: timedelta = key(
        DURATION,
        default=timedelta(seconds=60),
        doc="How much later than its time a value may arrive on an open channel: this much before a break is "
        "read from the archive again.",
    )
    when_full: Literal["block", "shed"] = key(
        choice("block", "shed"),
        default="block",
        doc="When the lake is slower than the plant: `block` stops reading the channels, `shed` drops "
        "messages, counts them, and reads the archive's part of them again later.",
    )
    refresh: timedelta = key(
        DURATION,
        default=timedelta(minutes=10),
        doc="How often `stream` looks for tags that are new or renamed.",
    )
    compact_every: timedelta = key(
        DURATION,
        default=timedelta(hours=1),
        doc="How often the small files that `stream` leaves are joined while it goes on; 0 for never.",
    )
    port: int | None = key(
        whole(),
        doc="Port for `/health`, `/status` and `/metrics` of `stream`.",
        unset="none",
    )
    host: str = key(TEXT, default="127.0.0.1", doc="Address that this port listens on.")
    poll_interval: timedelta = key(
        DURATION, default=timedelta(seconds=5), doc="Pause between two polls in mode `updates`."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Zerobus:
    """Live values pushed into a Databricks table, at least once."""

    endpoint: str | None = key(
        TEXT, doc="Endpoint of Zerobus Ingest. With it, `stream` sends its rows there.", unset="none"
    )
    workspace: str | None = key(URL, doc="URL of the workspace.")
    table: str | None = key(TEXT, doc="The table, `catalog.schema.name`; it must exist, with our columns.")
    client_id: str | None = key(TEXT, doc="Service principal.")
    client_secret: Secret | None = key(SECRET, doc="Its secret.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """What is read about alarms, and which event frames are some."""

    databases: tuple[str, ...] = key(
        TEXTS, default=(), doc="AF databases, as `name` or `\\\\server\\name`.", unset="all"
    )
    templates: tuple[str, ...] = key(
        TEXTS, default=(), doc="An alarm is an event frame of one of these templates.", unset="any"
    )
    categories: tuple[str, ...] = key(TEXTS, default=(), doc="... of one of these categories.", unset="any")
    names: tuple[str, ...] = key(
        TEXTS, default=(), doc="... whose name fits one of these masks (`*`, `?`).", unset="any"
    )
    min_severity: str = key(
        choice(*SEVERITIES),
        default="none",
        doc=f"... of at least this severity: {', '.join(SEVERITIES)}. With none of the four keys above: "
        "what can be acknowledged, or is at least `information`.",
    )
    look_back: timedelta = key(
        DURATION,
        default=timedelta(days=7),
        doc="Each run looks this far back for event frames that are gone, for annotations, and, on servers "
        "that cannot search for modifications, for changes.",
    )
    rules_every: timedelta = key(
        DURATION, default=timedelta(days=1), doc="How often notification rules are read again."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """What is read of the asset model."""

    databases: tuple[str, ...] = key(
        TEXTS, default=(), doc="AF databases, as `name` or `\\\\server\\name`; masks too.", unset="all"
    )
    history: bool = key(
        BOOLEAN,
        default=False,
        doc="Keep what changed: each table gets a twin `<table>_history` with `valid_from` and `valid_to`.",
    )
    values: bool = key(
        BOOLEAN,
        default=True,
        doc="Also read the values of attributes without data reference, such as limits and nameplates.",
    )
    point_attributes: bool = key(
        BOOLEAN,
        default=False,
        doc="Also read all attributes of all PI points: a request for each point, a hundred in a batch.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How hard the server and this machine may be worked."""

    base_batch_size: int = key(whole(), default=100, doc="Tags per request to start with.")
    min_batch_size: int = key(whole(), default=25, doc="Fewest tags per request, however slow the answers.")
    max_batch_size: int = key(whole(), default=200, doc="Most tags per request, however fast the answers.")
    adaptive_sizing: bool = key(
        BOOLEAN,
        default=True,
        aliases=("adaptive_batching",),
        doc="Let the number of tags per request follow how the server answers.",
    )
    max_workers: int = key(
        whole(),
        default=8,
        aliases=("max_workers", "performance.max_in_flight"),
        doc="Most requests in flight at once, over all processes. The actual number adapts below it.",
    )
    rate_limit: float | None = key(
        positive(), doc="Most requests per second, over all processes.", unset="no limit"
    )
    retry_backoff: timedelta = key(
        DURATION,
        default=timedelta(seconds=1),
        doc="Wait before the first retry; it doubles with each further one.",
    )
    read_timeout: timedelta = key(
        DURATION, default=timedelta(seconds=120), doc="Longest silence of the server during a request."
    )
    connection_pool_size: int | None = key(whole(), doc="Most open connections.", unset="as `max_workers`")
    enable_compression: bool = key(
        BOOLEAN, default=True, doc="Ask for gzip: wins on a slow network, costs on a fast one."
    )
    memory_limit_gb: float = key(
        positive(), default=1.0, doc="Ceiling for the memory of the whole process, in GB."
    )
    workers: int | Literal["auto"] = key(
        whole_or("auto"),
        default="auto",
        doc="Processes that share the work; `auto`: one per processor, as far as the size of the run, "
        "`memory_limit_gb` and `rate_limit` make it worth while.",
    )

    @property
    def max_in_flight(self) -> int:
        """The other name of ``max_workers``."""
        return self.max_workers

    @property
    def pool_size(self) -> int:
        """``connection_pool_size``, or ``max_workers`` when that was left open."""
        return self.connection_pool_size or self.max_workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of one run.

    ``origins`` says where each value came from, ``warnings`` what is doubtful about them, ``file``
    which configuration file was read, ``searched`` where values were looked for, in words.
    """

    pi_web_api_url: str = key(URL, doc="Root of PI Web API, `https://server/piwebapi`. **Required**.")
    historian: str = key(choice("pi"), default="pi", doc="Kind of source: `pi`.")
    data_server: str | None = key(
        TEXT,
        doc="Name of the PI Data Archive that bare tag names belong to.",
        unset="the only one that the server lists",
    )
    auth: Auth = section(Auth, doc="Who we are to the server.")
    tls: Tls = section(Tls, doc="How the connection is protected.")
    proxy: Secret | None = key(
        SECRET, doc="URL of an HTTP proxy; may hold credentials, so it is shown as a secret."
    )
    catalog: str = key(TEXT, default="main", doc="Catalog of the tables.")
    schema: str = key(TEXT, default="bronze", doc="Schema of the tables.")
    lake: Lake = section(Lake, doc="Where the tables live; a plain text is its `path`.", shorthand="path")
    tags: Selection = key(SELECTION, default=Selection(), doc="Which tags: see below.", unset="none")
    since: str = key(MOMENT, default="*-7d", doc="Start of what is read of a tag that was never read before.")
    until: str = key(MOMENT, default="*", doc="End of what is read, exclusive; fixed when a run starts.")
    time_zone: ZoneInfo = key(
        ZONE, default="UTC", doc="Zone of the midnights `t` and `y` in `since` and `until`."
    )
    settle: timedelta = key(
        DURATION,
        default=timedelta(minutes=5),
        doc="The newest stretch is left to the next run, since PI still sorts late arrivals into it.",
    )
    extract_alarms: bool = key(BOOLEAN, default=False, doc="`run` also reads alarms.")
    enable_streaming: bool = key(
        BOOLEAN,
        default=False,
        doc="`run` follows live values from its start, catches up with the history behind them, and stays.",
    )
    performance_mode: Literal["standard", "optimized"] = key(
        choice("standard", "optimized"),
        default="optimized",
        doc="`standard`: `adaptive_sizing: false` and `workers: 1`, unless they are set. `optimized`: the "
        "defaults below.",
    )
    late_data: LateData = section(LateData, doc="Events that arrive, change or vanish after they were read.")
    streaming: Streaming = section(Streaming, doc="Live values.")
    zerobus: Zerobus = section(Zerobus, doc="Where live values go instead of the lake.")
    alarms: Alarms = section(Alarms, doc="Which event frames are alarms.")
    assets: Assets = section(Assets, doc="What is read of the asset model.")
    performance: Performance = section(Performance, doc="How hard the server and this machine may be worked.")

    origins: Mapping[str, Origin] = field(default_factory=dict, repr=False, compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    file: str | None = field(default=None, compare=False)
    searched: str = field(default="", repr=False, compare=False)

    def value(self, path: str) -> Any:
        """The value of a dotted key."""
        found: Any = self
        for part in path.split("."):
            found = getattr(found, part)
        return found


DECLARED = Declaration(Settings)
