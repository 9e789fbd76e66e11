"""How long messages wait in a connection's buffer."""

from __future__ import annotations

from dataclasses import dataclass

from hftlab.server.queue_time import QueueTimes
from tests.server.conversation import settled


@dataclass(eq=False)
class Buffered:
    """A connection as far as its buffer."""

    written: int = 0
    buffered: int = 0
    is_open: bool = True


class TestQueueTimes:
    async def test_a_wait_ends_when_the_kernel_has_taken_the_message(self) -> None:
        """Not earlier, though bytes before it have gone, and not later, though bytes behind it wait."""
        now = 5.0
        times = QueueTimes(lambda: now)
        slow, quick, broken = Buffered(1000, 400), Buffered(1000, 0), Buffered(1000, 10)
        times.written([slow, quick, broken], now)  # type: ignore[list-item]
        assert times.durations.summary()["count"] == 1
        slow.written, slow.buffered = 3000, 2001
        broken.is_open = False
        now = 6.0
        await settled(lambda: times.durations.summary()["count"] == 2)
        now = 7.5
        slow.buffered = 2000
        await settled(lambda: times.durations.summary()["count"] == 3)
        assert times.durations.summary()["mean"] == (0.0 + 1.0 + 2.5) / 3
        times.close()

    async def test_a_reader_has_one_sample_at_a_time_and_a_batch_soon_after_none(self) -> None:
        times = QueueTimes(lambda: 9.0)
        slow = Buffered(1000, 400)
        for at, is_due in ((1.0, True), (1.001, False), (2.0, True)):
            assert times.is_due(at) == is_due
            if is_due:
                times.written([slow, Buffered()], at)  # type: ignore[list-item]
        assert times.durations.summary()["count"] == 2
        slow.buffered = 0
        await settled(lambda: times.durations.summary()["count"] == 3)
        assert times.durations.summary()["max"] == 8.0
