"""Which readers have stopped, without a socket."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from hftlab.server.stall_detector import StallDetector


class TestProgress:
    def test_a_reader_that_takes_nothing_has_stopped_at_its_deadline(self) -> None:
        progress = StallDetector(0.0, 100, 3.0)
        assert [progress.has_stopped(now, 100, paused=True) for now in (0.0, 2.9, 3.0)] == [False, False, True]

    def test_before_the_backlog_matters_it_may_wait(self) -> None:
        progress = StallDetector(0.0, 100, 3.0)
        assert not progress.has_stopped(100.0, 100, paused=False)
        assert not progress.has_stopped(101.0, 100, paused=True)
        assert progress.has_stopped(104.0, 100, paused=True)

    def test_what_was_on_its_way_is_no_proof(self) -> None:
        progress = StallDetector(0.0, 100, 3.0)
        assert not progress.has_stopped(0.2, 5000, paused=True)
        assert progress.has_stopped(3.2, 5000, paused=True)

    @given(st.lists(st.floats(0.0, 0.2), max_size=10), st.floats(0.0, 0.5), st.floats(0.0, 0.25), st.floats(0.01, 0.25))
    def test_one_that_never_reads_goes_at_its_deadline_whatever_its_system_takes(
        self, pauses: list[float], last: float, first_look: float, look: float
    ) -> None:
        """Its system takes what is on its way, and the end of what fits somewhat later; then nothing more."""
        arrivals = list(itertools.accumulate([*pauses, last]))
        progress = StallDetector(0.0, 0, 2.25)
        looks = (first_look + number * look for number in itertools.count())
        gone = next(now for now in looks if progress.has_stopped(now, sum(at <= now for at in arrivals), paused=True))
        assert gone <= max(arrivals[-1], first_look) + 2.25 + 2 * look + 1e-6

    def test_a_lump_now_and_then_is_enough(self) -> None:
        """From the second on: the first may be the end of what fitted into the buffers of one that does not read."""
        progress, taken = StallDetector(0.0, 100, 3.0), 100
        for now in (2.0, 4.0, *(4.0 + 6.0 * lump for lump in range(1, 20))):
            assert not progress.has_stopped(now - 0.1, taken, paused=True)
            taken += 4096
            assert not progress.has_stopped(now, taken, paused=True)
        assert progress.has_stopped(1000.0, taken, paused=True)
