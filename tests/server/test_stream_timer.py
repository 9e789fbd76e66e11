"""The timer of a stream, the system's and the event loop's."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import Iterator

import pytest

from hftlab.server import stream_timer
from hftlab.server.stream_timer import StreamTimer
from tests.server.conversation import PATIENCE

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has timerfd_create(2)")


@pytest.fixture(params=[pytest.param("system", marks=LINUX), "loop"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "loop":
        monkeypatch.setattr(stream_timer, "_descriptor", lambda: None)
    yield request.param


class TestStreamTimer:
    async def test_it_calls_back_once_for_each_start(self, kind: str) -> None:
        calls: asyncio.Queue[None] = asyncio.Queue()
        timer = StreamTimer(lambda: calls.put_nowait(None))
        async with asyncio.timeout(PATIENCE):
            for _ in range(3):
                timer.start(timer.grain)
                await calls.get()
                timer.stop()
        assert calls.empty()
        timer.close()

    async def test_the_systems_timer_is_never_early_and_the_loops_by_less_than_its_grain(self, kind: str) -> None:
        loop = asyncio.get_running_loop()
        fired: asyncio.Future[float] = loop.create_future()
        timer = StreamTimer(lambda: fired.set_result(loop.time()))
        started = loop.time()
        timer.start(0.01)
        async with asyncio.timeout(PATIENCE):
            after = await fired - started
        assert after >= (0.01 if kind == "system" else 0.01 - timer.grain)
        timer.close()

    async def test_what_is_stopped_does_not_call_back_even_if_it_has_passed(self, kind: str) -> None:
        calls: list[str] = []
        first, second = (StreamTimer(lambda name=name: calls.append(name)) for name in ("stopped", "goes on"))  # type: ignore[misc]
        first.start(first.grain)
        second.start(second.grain)
        first.stop()
        async with asyncio.timeout(PATIENCE):
            while not calls:
                await asyncio.sleep(0)
        assert calls == ["goes on"]
        first.close()
        second.close()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
    async def test_a_forked_child_leaves_it_alone(self, kind: str) -> None:
        """The child has the very timer of its parent: what it set would stop the parent's stream."""
        calls: asyncio.Queue[None] = asyncio.Queue()
        timer = StreamTimer(lambda: calls.put_nowait(None))
        timer.start(0.05)
        child = os.fork()
        if child == 0:
            timer.stop()
            os._exit(0)
        os.waitpid(child, 0)
        async with asyncio.timeout(PATIENCE):
            await calls.get()
        timer.close()

    @LINUX
    async def test_close_gives_the_descriptor_back(self) -> None:
        timer = StreamTimer(lambda: None)
        descriptor = timer._descriptor
        assert descriptor is not None
        timer.start(60.0)
        timer.close()
        with pytest.raises(OSError) as caught:
            os.fstat(descriptor)
        assert caught.value.errno == errno.EBADF
        timer.close()  # twice does no harm

    @LINUX
    async def test_a_delay_beyond_what_the_system_takes_is_cut(self) -> None:
        timer = StreamTimer(lambda: None)
        timer.start(1e300)
        timer.close()
