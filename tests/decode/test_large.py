"""Bodies of more than one block and slice, and several of them at once in threads."""

from __future__ import annotations

import gc
import random
from concurrent.futures import ThreadPoolExecutor

from tests.decode import reference
from tests.decode.accelerated import decode_accelerated
from tests.decode.test_fuzz import META, POINT_TYPES, event

from pi_lakeflow.historians.pi.decode.lenient import decode_lenient
from pi_lakeflow.historians.pi.decode.recorded import RecordedPage, decode_recorded
from pi_lakeflow.historians.pi.decode.speculative import decode_speculative
from pi_lakeflow.historians.pi.decode.typed import decode_typed


def large_body(seed: int, events: int, *, padding: int = 0) -> bytes:
    """About 130 bytes an event, in streams of 1 to 4,000; ``padding`` moves everything."""
    rng = random.Random(seed)
    texts = [event(rng, full=False, annotated=True, units="") for _ in range(min(events, 997))]
    streams, left = [], events
    while left:
        length = min(left, rng.choice([1, 20, 500, 4_000]))
        items = ",".join(texts[(left - n) % len(texts)] for n in range(length))
        streams.append(f'{{"WebId":"{rng.choice(sorted(POINT_TYPES))}","Items":[{items}]}}')
        left -= length
    return f'{{"Path":"{"x" * padding}","Items":[{",".join(streams)}]}}'.encode()


def test_blocks_and_slices_leave_no_seam() -> None:
    """Events that straddle the places where the body is cut for the cache are read like any other."""
    for padding in range(0, 140, 11):
        body = large_body(padding, 17_000, padding=padding)
        assert len(body) > 2 * 2**20
        assert reference.identical(decode_speculative(body, META), decode_typed(body, META))


def test_a_large_body_reads_like_the_slow_reading() -> None:
    body = large_body(3, 40_000)
    expected = reference.read(body, POINT_TYPES)
    for decode in (decode_accelerated, decode_speculative, decode_lenient):
        page = decode(body, META)
        assert reference.same(reference.plain(page), expected)


def test_threads_decode_at_once_and_leave_the_collector_alone() -> None:
    """Results do not depend on what other threads decode, nor is the collector off meanwhile or after."""
    usual = [large_body(seed, 5_000) for seed in range(3)]
    spaced = [body.replace(b'":', b'": ') for body in usual]
    strange = [body.replace(b'"Value":true', b'"Value":[1E400]') for body in usual]
    bodies = [*usual, *spaced, *strange]
    alone = [decode_recorded(body, META) for body in bodies]
    thresholds = gc.get_threshold()

    def decode(number: int) -> tuple[int, RecordedPage, bool]:
        page = decode_recorded(bodies[number % len(bodies)], META)
        return number % len(bodies), page, gc.isenabled()

    with ThreadPoolExecutor(4) as pool:
        for which, page, enabled in pool.map(decode, range(5 * len(bodies))):
            assert reference.identical(page, alone[which])
            assert enabled
    assert gc.get_threshold() == thresholds


def test_threads_accelerate_at_once() -> None:
    bodies = [large_body(seed, 3_000) for seed in range(4)]
    alone = [decode_typed(body, META) for body in bodies]
    with ThreadPoolExecutor(4) as pool:
        for which, page in enumerate(pool.map(lambda n: decode_accelerated(bodies[n % 4], META), range(40))):
            assert reference.identical(page, alone[which % 4])
