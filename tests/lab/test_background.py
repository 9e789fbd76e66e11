"""The background loop runs while a cell computes, and a callback on it cannot wait for it."""

from __future__ import annotations

import subprocess
import sys
import threading

from hftlab.lab import LabClient, LabServer
from hftlab.protocol import MarketData
from tests.command import environment
from tests.protocol.conftest import market_data, symbol
from tests.waiting import PATIENCE, until


class TestBackground:
    def test_a_computing_cell_does_not_stop_the_stream(self, client: LabClient) -> None:
        client.subscribe("AAPL", frequency=0)
        before = client.metrics.messages_received
        total = 0

        def computed() -> bool:
            nonlocal total
            total += sum(range(1000))
            return client.metrics.messages_received >= before + 50

        until(computed)
        assert total > 0
        assert client.metrics.messages_lost == 0

    def test_a_callback_may_publish(self, server: LabServer, client: LabClient) -> None:
        """The callback runs on the same loop as the server."""
        echoed = threading.Event()

        def echo(message: object) -> None:
            if isinstance(message, MarketData) and message.symbols[0].exchange == "echo":
                echoed.set()
            elif not echoed.is_set():
                server.publish(market_data(symbol("AAPL", exchange="echo")))

        client.on("message", echo)
        client.subscribe("AAPL", frequency=0)
        assert echoed.wait(PATIENCE)

    def test_a_callback_that_waits_is_told_and_the_stream_goes_on(self, client: LabClient) -> None:
        """It would wait for ever, because it waits for its own loop."""
        told: list[str] = []
        done = threading.Event()

        def wait(_: object) -> None:
            try:
                client.messages(count=10)
            except RuntimeError as exc:
                told.append(str(exc))
            done.set()

        client.on("message", wait)
        client.subscribe("AAPL", frequency=0)
        assert done.wait(PATIENCE)
        assert "cannot wait for it" in told[0]
        assert client.ping() > 0

    def test_calls_from_several_threads_do_not_mix(self, client: LabClient) -> None:
        acks: dict[str, str | None] = {}
        threads = [
            threading.Thread(target=lambda name=name: acks.update({name: client.subscribe(name).message}))
            for name in client.offered_symbols
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(acks) == sorted(client.symbols) == sorted(client.offered_symbols)


def test_nested_loops_are_allowed_only_when_asked_for() -> None:
    """In another process, because it changes the whole process."""
    code = """
import asyncio, hftlab as hl
async def inner(): return 42
async def outer(): return asyncio.run(inner())
try:
    asyncio.run(outer())
except RuntimeError:
    print("refused")
hl.enable_nested()
print(asyncio.run(outer()))
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment())
    assert done.stdout.split() == ["refused", "42"]


def test_the_loop_ends_with_the_process() -> None:
    """A daemon thread that Python ends in the middle of uvloop's code may crash the process."""
    program = """
import atexit, threading
atexit.register(lambda: print([thread.name for thread in threading.enumerate()]))  # called last
import hftlab as hl
client = hl.connect(hl.serve(hl.simulator.RandomWalk(seed=1), port=0).url)
client.subscribe("AAPL")
print([thread.name for thread in threading.enumerate() if thread.name == "hftlab I/O"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(), check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    before, after = done.stdout.splitlines()
    assert before == "['hftlab I/O']"
    assert "hftlab I/O" not in after
