"""How odd a world is: shares of tags and of events, each between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Oddities:
    """``*_tags`` are shares of the tags, spread evenly over their order; ``*_events`` are shares of
    the events of each tag that can have them. All are on by default, at rates of a rough plant.
    """

    # What a tag holds; the rest are decimal numbers
    digital_tags: float = 0.12
    string_tags: float = 0.06
    integer_tags: float = 0.06
    big_integer_tags: float = 0.01  # beyond 2**53
    boolean_tags: float = 0.01
    timestamp_tags: float = 0.01
    blob_tags: float = 0.0  # reading one answers 501
    double17_tags: float = 0.08  # all 17 digits, and exponents
    float32_tags: float = 0.08  # single-precision numbers printed as doubles: 72.0999984741211

    # When a tag speaks
    fast_tags: float = 0.02  # once a second
    slow_tags: float = 0.06  # once a day
    irregular_tags: float = 0.4
    fraction_tags: float = 0.2  # ...00Z beside ...00.5Z
    tick_tags: float = 0.15  # all seven digits
    gap_tags: float = 0.1
    fading_tags: float = 0.02  # a dense past, a quiet present
    bursty_tags: float = 0.02  # burst_size events within one second
    pileup_tags: float = 0.01  # pileup_size events at one timestamp
    future_tags: float = 0.01  # Future: true, events beyond now

    # What happens to a tag
    bad_hour_tags: float = 0.03  # about one hour a day is I/O Timeout throughout
    odd_name_tags: float = 0.05  # names with & # + ; % blanks and accents
    point_created: bool = True  # the first event is Pt Created

    # What happens to an event
    system_events: float = 0.005
    null_events: float = 0.0003
    bad_number_events: float = 0.002  # Good: false beside a number
    questionable_events: float = 0.004
    substituted_events: float = 0.002
    annotated_events: float = 0.003
    shared_timestamp_events: float = 0.005
    close_events: float = 0.003  # some 100-ns ticks after the one before

    burst_size: int = 2500
    pileup_size: int = 1200

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.endswith(("_tags", "_events")) and not 0 <= value <= 1:
                raise ValueError(f"{item.name} must be between 0 and 1, not {value}")
        if self.burst_size < 0 or self.pileup_size < 0:
            raise ValueError("sizes cannot be negative")

    @classmethod
    def none(cls, **changes: float) -> Oddities:
        """Plain decimal numbers at a steady pace, and nothing else but ``changes``."""
        zeros = {f.name: 0.0 for f in fields(cls) if f.name.endswith(("_tags", "_events"))}
        return replace(cls(**zeros, point_created=False), **changes)  # type: ignore[arg-type]  # all are numbers
