from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.transport.clock_offset import ClockOffset, Sample

WAY = st.integers(0, 10**9)
OFFSET = st.integers(-(10**12), 10**12)


def exchanged(offset: int, there: int, back: int, work: int = 1000) -> Sample:
    """A PING sent at 0 to a server whose clock is `offset` ahead."""
    return Sample.of(0, there + offset, there + work + offset, there + work + back)


@given(OFFSET, WAY, WAY)
def test_a_sample_is_right_to_half_its_delay(offset: int, there: int, back: int) -> None:
    sample = exchanged(offset, there, back)
    assert sample.delay == there + back
    assert abs(sample.offset - offset) <= sample.delay / 2 + 1


@given(OFFSET, st.lists(st.tuples(WAY, WAY), min_size=1, max_size=8))
def test_the_quickest_of_the_last_eight_is_believed(offset: int, ways: list[tuple[int, int]]) -> None:
    estimate = ClockOffset()
    for there, back in [(0, 0), *ways][-8:]:
        estimate.add(exchanged(offset, there, back))
    assert estimate.best is not None
    assert abs(estimate.best.offset - offset) <= estimate.best.delay / 2 + 1


def test_old_samples_go() -> None:
    estimate = ClockOffset()
    for delay in (0, *range(100, 900, 100)):
        estimate.add(Sample(5, delay))
    assert estimate.best == Sample(5, 100)


def test_only_an_offset_beyond_its_uncertainty_corrects() -> None:
    estimate = ClockOffset()
    assert (estimate.best, estimate.correction) == (None, 0)
    estimate.add(Sample(offset=40, delay=100))
    assert estimate.correction == 0
    estimate.add(Sample(offset=-60, delay=90))
    assert estimate.correction == -60


def test_a_clock_that_was_set_in_between_tells_nothing() -> None:
    estimate = ClockOffset()
    estimate.add(Sample(offset=10**12, delay=-5))
    assert estimate.best is None
