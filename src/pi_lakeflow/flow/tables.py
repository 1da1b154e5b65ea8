"""The tables that the product keeps about its own work, whatever the historian."""

from __future__ import annotations

import pyarrow as pa

from pi_lakeflow.model.tables import Column, Grain, TableSpec

_TIME = pa.timestamp("us", tz="UTC")

PI_LANES = TableSpec(
    name="pi_lanes",
    doc="Which tags advance together. Read together with the transactions in the log of the data table.",
    grain=Grain.LOG,
    key=("lane", "tag_webid", "kind"),
    columns=(
        Column(
            "lane", pa.string(), "Id of the lane; `pi-lakeflow/<lane>` is its application id.", nullable=False
        ),
        Column(
            "kind",
            pa.string(),
            "`join` or `leave`; a leave counts once the data table's log confirms it.",
            nullable=False,
        ),
        Column("tag_webid", pa.string(), "WebId of the tag.", nullable=False),
        Column("at", _TIME, "Where the lane starts, or where the tag left it.", nullable=False),
        Column("until", _TIME, "Where the lane must stop for ever; null when it follows the present."),
        Column("data_table", pa.string(), "The table whose log holds the lane's position.", nullable=False),
        Column("run_id", pa.string(), "The run that wrote the row.", nullable=False),
    ),
    source="planner",
)

PI_COVERAGE = TableSpec(
    name="pi_coverage",
    doc="What the lake holds of each tag: one row per gap-free span, rebuilt after each run.",
    grain=Grain.SNAPSHOT,
    key=("tag_webid", "covered_from"),
    columns=(
        Column("tag_webid", pa.string(), "WebId of the tag.", nullable=False),
        Column("tag_name", pa.string(), "Name of the tag when the run knew it."),
        Column("covered_from", _TIME, "First instant of the span, inclusive.", nullable=False),
        Column("covered_until", _TIME, "End of the span, exclusive.", nullable=False),
        Column("run_id", pa.string(), "The run that rebuilt the table.", nullable=False),
    ),
    source="pi_lanes and the log of the data table",
)

PI_INGEST_ERRORS = TableSpec(
    name="pi_ingest_errors",
    doc="Each tag that a run left behind, and why. Its coverage did not move; the next run tries again.",
    grain=Grain.LOG,
    key=("run_id", "tag_webid", "occurred_at"),
    columns=(
        Column("run_id", pa.string(), "The run.", nullable=False),
        Column("occurred_at", _TIME, "When, UTC.", nullable=False),
        Column(
            "tag_webid",
            pa.string(),
            "WebId of the tag; empty when the name could not be resolved.",
            nullable=False,
        ),
        Column("tag_name", pa.string(), "Name of the tag.", nullable=False),
        Column("span_start", _TIME, "Start of the span that was asked for."),
        Column("span_end", _TIME, "End of the span that was asked for, exclusive."),
        Column("status", pa.int32(), "HTTP status, when there was one."),
        Column("message", pa.string(), "The server's words, or ours.", nullable=False),
        Column("hint", pa.string(), "What to do about it."),
    ),
    source="engine",
)

PI_INGEST_RUNS = TableSpec(
    name="pi_ingest_runs",
    doc="One row per finished run.",
    grain=Grain.LOG,
    key=("run_id",),
    columns=(
        Column("run_id", pa.string(), "The run.", nullable=False),
        Column("command", pa.string(), "What was asked for.", nullable=False),
        Column("started_at", _TIME, "Start, UTC.", nullable=False),
        Column("ended_at", _TIME, "End, UTC.", nullable=False),
        Column("span_end", _TIME, "The `until` of the run, fixed at its start.", nullable=False),
        Column("status", pa.string(), "done, quarantined, interrupted or failed.", nullable=False),
        Column("tags", pa.int64(), "Tags that had something to read.", nullable=False),
        Column("rows", pa.int64(), "Rows committed.", nullable=False),
        Column("requests", pa.int64(), "HTTP requests sent, retries included.", nullable=False),
        Column("retries", pa.int64(), "Requests sent again.", nullable=False),
        Column("quarantined", pa.int64(), "Tags left behind.", nullable=False),
        Column("body_bytes", pa.int64(), "Bytes of JSON received, after inflating.", nullable=False),
        Column("version", pa.string(), "Version of pi-lakeflow.", nullable=False),
        Column("message", pa.string(), "Why the run failed or stopped."),
        Column("commits", pa.int64(), "Commits into the data table."),
        Column("commit_seconds", pa.float64(), "How long those took together, beside reading or not."),
        Column("wire_bytes", pa.int64(), "Bytes received, compressed as they were."),
        Column("seconds", pa.float64(), "Length of the run."),
        Column("cpu_seconds", pa.float64(), "Processor time of the run's processes."),
        Column("processors", pa.int64(), "Processors that the run could use."),
        Column(
            "planning_seconds", pa.float64(), "Seconds of the run spent on finding the tags and planning."
        ),
        Column("server_seconds", pa.float64(), "... waiting for the server to begin its answers."),
        Column("network_seconds", pa.float64(), "... receiving answers."),
        Column(
            "throttling_seconds", pa.float64(), "... on refused or failed requests and the pauses after them."
        ),
        Column("rate_limit_seconds", pa.float64(), "... waiting for our own limit of requests per second."),
        Column("decode_seconds", pa.float64(), "... making answers into rows."),
        Column("memory_seconds", pa.float64(), "... waiting for memory that others who read hold."),
        Column("write_seconds", pa.float64(), "... waiting for commits."),
        Column("other_seconds", pa.float64(), "... on what was not measured."),
        Column("answers_429", pa.int64(), "Requests refused as too many."),
        Column("answers_503", pa.int64(), "Requests refused by an overloaded server."),
        Column("at_once", pa.float64(), "Requests under way, on average."),
        Column(
            "allowed",
            pa.float64(),
            "Requests that the adaptive limit let through at once, on average; null when it never moved.",
        ),
        Column("max_workers", pa.int64(), "The setting `performance.max_workers` of the run."),
        Column("base_batch_size", pa.int64(), "The setting `performance.base_batch_size`."),
        Column("rate_limit", pa.float64(), "The setting `performance.rate_limit`."),
        Column("memory_limit_gb", pa.float64(), "The setting `performance.memory_limit_gb`."),
        Column("compression", pa.bool_(), "The setting `performance.enable_compression`."),
    ),
    source="engine",
)

PI_RECONCILIATION = TableSpec(
    name="pi_reconciliation",
    doc="What comparisons of the lake with the archive found: a row for each window of 24 hours that "
    "differs, and one for all others of each tag and span.",
    grain=Grain.LOG,
    key=("run_id", "tag_webid", "span_start", "verdict"),
    columns=(
        Column("run_id", pa.string(), "The comparison.", nullable=False),
        Column("compared_at", _TIME, "When it started, UTC.", nullable=False),
        Column("tag_webid", pa.string(), "WebId of the tag.", nullable=False),
        Column("tag_name", pa.string(), "Name of the tag.", nullable=False),
        Column("span_start", _TIME, "Start of the span, inclusive.", nullable=False),
        Column("span_end", _TIME, "End of the span, exclusive.", nullable=False),
        Column("lake_events", pa.int64(), "Events in the lake, of those that the server counts."),
        Column("server_events", pa.int64(), "Events on the server; null when it did not say."),
        Column("method", pa.string(), "`count`: compared by counts; `read`: event by event.", nullable=False),
        Column("verdict", pa.string(), "`equal`, `differs`, or `unread`.", nullable=False),
        Column("repaired", pa.bool_(), "The span was read again and replaced afterwards.", nullable=False),
    ),
    source="reconcile and repair",
)


PI_TAG_DENSITY = TableSpec(
    name="pi_tag_density",
    doc="How many events each tag has lately: what the next run plans its requests with. May be deleted.",
    grain=Grain.SNAPSHOT,
    key=("tag_webid",),
    columns=(
        Column("tag_webid", pa.string(), "WebId of the tag.", nullable=False),
        Column("events_per_day", pa.float64(), "Events per day, as the last runs saw them.", nullable=False),
        Column("run_id", pa.string(), "The run that saw the latest change.", nullable=False),
    ),
    source="engine",
)

PI_FOLLOWED = TableSpec(
    name="pi_followed",
    doc="Sets of tags whose changes were followed. The log of the data table says up to which moment.",
    grain=Grain.LOG,
    key=("followed", "tag_webid"),
    columns=(
        Column(
            "followed",
            pa.string(),
            "Id of the set; `pi-lakeflow/followed/<id>` is its application id.",
            nullable=False,
        ),
        Column("tag_webid", pa.string(), "WebId of the tag.", nullable=False),
        Column(
            "data_table",
            pa.string(),
            "The table whose changes were followed, and whose log it is.",
            nullable=False,
        ),
    ),
    source="stream",
)

PI_UPDATE_MARKERS = TableSpec(
    name="pi_update_markers",
    doc="Where Stream Updates go on after a restart. May be deleted: then the gap is read again.",
    grain=Grain.ENTITY,
    key=("data_table", "tag_webid"),
    columns=(
        Column("tag_webid", pa.string(), "WebId of the tag.", nullable=False),
        Column("marker", pa.string(), "All changes before this marker are in the lake.", nullable=False),
        Column("data_table", pa.string(), "The table that was corrected.", nullable=False),
    ),
    source="stream",
)

OPERATIONS = (
    PI_LANES,
    PI_COVERAGE,
    PI_TAG_DENSITY,
    PI_INGEST_ERRORS,
    PI_INGEST_RUNS,
    PI_RECONCILIATION,
    PI_FOLLOWED,
    PI_UPDATE_MARKERS,
)
