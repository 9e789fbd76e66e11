"""The virtual clock: nothing that waits takes time, and the order is that of the times."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.testing import VirtualLoop, run, virtual_time
from hftlab.testing.virtual_loop import settled, virtual_loop


def test_a_day_takes_no_time() -> None:
    async def test() -> tuple[float, int]:
        loop = virtual_loop()
        before = loop.wall_time()
        await asyncio.sleep(86_399.5)
        return loop.time(), loop.wall_time() - before

    assert run(test()) == (86_399.5, 86_399_500_000_000)


@given(st.lists(st.integers(0, 10**6).map(lambda ms: ms / 1000), max_size=20))
def test_whoever_waits_is_woken_in_the_order_of_times(waits: list[float]) -> None:
    """Those of the same time in the order in which they began to wait."""
    woken: list[tuple[float, int]] = []

    async def one(number: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((seconds, number))

    async def test() -> None:
        await asyncio.gather(*(one(number, seconds) for number, seconds in enumerate(waits)))

    run(test())
    assert [seconds for seconds, _ in woken] == sorted(waits)


def test_a_timeout_is_virtual_as_well() -> None:
    async def test() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return virtual_loop().time()

    assert run(test()) == 30


def test_a_test_that_goes_on_for_ever_is_ended() -> None:
    """Its tasks are, too, although they wait for their own ends."""
    ends: list[str] = []

    async def test() -> None:
        try:
            while True:
                await asyncio.sleep(1)
        finally:
            await asyncio.sleep(5)
            ends.append("ended")

    with pytest.raises(TimeoutError, match="not ended within 60 s of virtual time"):
        run(test(), limit=60)
    assert ends == ["ended"]


def test_a_test_that_nothing_can_wake_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hftlab.testing.virtual_loop._PATIENCE", 0.01)

    async def test() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError, match="nothing will wake it up"):
        run(test())


def test_another_thread_is_waited_for() -> None:
    async def test() -> str:
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    assert run(test()) != threading.current_thread().name


def test_what_follows_at_once_has_happened_when_it_has_settled() -> None:
    """However many tasks it takes, and no timer of later."""

    def chain(length: int, end: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(chain, length - 1, end) if length else end()

    async def test() -> list[str]:
        happened: list[str] = []
        chain(10_000, lambda: happened.append("chain"))
        asyncio.get_running_loop().call_later(0.001, happened.append, "later")
        await settled()
        return happened

    assert run(test()) == ["chain"]


async def test_a_real_clock_is_not_taken_for_one() -> None:
    with pytest.raises(RuntimeError, match=r"decorate the test with @hftlab\.testing\.virtual_time"):
        virtual_loop()
    await settled()


def test_the_result_and_the_errors_are_those_of_the_test() -> None:
    async def fail() -> None:
        raise ValueError("mine")

    async def test() -> bool:
        return isinstance(asyncio.get_running_loop(), VirtualLoop)

    assert run(test())
    with pytest.raises(ValueError, match="mine"):
        run(fail())


@virtual_time
async def test_a_decorated_test_is_a_plain_function(tmp_path: Path) -> None:
    """With the fixtures of the coroutine function."""
    assert tmp_path.is_dir()
    await asyncio.sleep(3600)
    assert virtual_loop().time() == 3600
