from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.client.batching import BatchProcessor, batches
from hftlab.client.inbox import Inbox
from hftlab.errors import ArgumentError
from hftlab.protocol import Heartbeat

PATIENCE = 10.0


def beat(number: int) -> Heartbeat:
    return Heartbeat(timestamp=1.0 + number)


STEPS = st.lists(st.sampled_from(["add", "turn", "flush"]), max_size=200)


@pytest.mark.parametrize("size", [0, 1.5, "50", True, float("nan")])
async def test_a_size_is_a_whole_number(size: Any) -> None:
    with pytest.raises(ArgumentError, match="the size of a batch is a whole number"):
        BatchProcessor(print, size=size)
    with pytest.raises(ArgumentError, match="the size of a batch is a whole number"):
        await anext(batches(Inbox(10), size))


class TestBatchProcessor:
    @given(STEPS, st.integers(1, 7))
    def test_nothing_is_lost_doubled_or_out_of_order(self, steps: list[str], size: int) -> None:
        """Whatever is added, with turns of the loop and flushes in between: at delay 0 each turn is a time-out."""

        async def run() -> list[list[int]]:
            out: list[list[int]] = []
            processor = BatchProcessor(out.append, size=size, delay=0.0)
            for number, step in enumerate(steps):
                if step == "add":
                    processor.add(number)
                elif step == "turn":
                    await asyncio.sleep(0)
                else:
                    processor.flush()
            processor.flush()
            return out

        out = asyncio.run(run())
        assert [number for batch in out for number in batch] == [n for n, step in enumerate(steps) if step == "add"]
        assert all(1 <= len(batch) <= size for batch in out)

    async def test_a_full_batch_goes_at_once(self) -> None:
        out: list[list[int]] = []
        processor = BatchProcessor(out.append, size=2, delay=1000.0)
        for number in range(5):
            processor.add(number)
        assert out == [[0, 1], [2, 3]]
        processor.flush()
        processor.flush()
        assert out == [[0, 1], [2, 3], [4]]

    async def test_a_batch_that_is_not_full_goes_after_the_delay(self) -> None:
        gone: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        BatchProcessor(gone.set_result, size=50, delay=0.001).add(1)
        async with asyncio.timeout(PATIENCE):
            assert await gone == [1]

    async def test_what_a_callback_adds_is_of_the_next_batch(self) -> None:
        out: list[list[int]] = []

        def process(batch: list[int]) -> None:
            out.append(batch)
            if len(out) == 1:
                processor.add(9)

        processor = BatchProcessor(process, size=1)
        processor.add(1)
        assert out == [[1], [9]]

    def test_an_empty_batch_is_no_batch(self) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            BatchProcessor(print, size=0)


class TestBatches:
    @given(STEPS, st.integers(1, 7))
    def test_nothing_is_lost_doubled_or_out_of_order(self, steps: list[str], size: int) -> None:
        async def run() -> list[list[float]]:
            inbox = Inbox(1000)

            async def fill() -> None:
                for number, step in enumerate(steps):
                    if step == "add":
                        inbox.put(beat(number))
                    else:
                        await asyncio.sleep(0)
                inbox.close()

            filling = asyncio.create_task(fill())
            out = [[message.timestamp - 1.0 for message in batch] async for batch in batches(inbox, size, 0.0)]
            await filling
            return out

        out = asyncio.run(run())
        assert [number for batch in out for number in batch] == [n for n, step in enumerate(steps) if step == "add"]
        assert all(1 <= len(batch) <= size for batch in out)

    async def test_a_cancelled_wait_takes_nothing(self) -> None:
        inbox = Inbox(10)
        inbox.put(beat(1))
        inbox.put(beat(2))
        waiting = asyncio.create_task(anext(batches(inbox, 5, 1000.0)))
        while len(inbox):
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert inbox.take() == [beat(1), beat(2)]
