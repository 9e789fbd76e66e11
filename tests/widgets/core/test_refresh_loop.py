from __future__ import annotations

import gc
import logging
import threading

import pytest

WAIT = 5.0  # seconds until a test gives up; none takes as long


class Counter:
    """Counts its ticks, and sets `done` when there were enough."""

    def __init__(self, enough: int = 3, interval: float | None = 0.001) -> None:
        self.enough, self.interval = enough, interval
        self.ticks = 0
        self.threads: set[str] = set()
        self.done = threading.Event()

    def tick(self, now: float, busy: bool) -> float | None:
        self.ticks += 1
        self.threads.add(threading.current_thread().name)
        if self.ticks >= self.enough:
            self.done.set()
        return None if self.interval is None else now + self.interval


def test_one_daemon_thread_refreshes_all(refresh_loop):
    others = set(threading.enumerate())  # a loop of another test may run in this process
    counters = [Counter(), Counter(), Counter()]
    for counter in counters:
        refresh_loop.add(counter)
    for counter in counters:
        assert counter.done.wait(WAIT)
        assert counter.threads == {"hftlab-widgets"}
    assert sum(thread.name == "hftlab-widgets" for thread in set(threading.enumerate()) - others) == 1


def test_what_sleeps_is_ticked_again_when_woken(refresh_loop):
    counter = Counter(enough=2, interval=None)
    first = Counter(enough=1, interval=None)
    refresh_loop.add(counter)
    refresh_loop.add(first)
    assert first.done.wait(WAIT)
    refresh_loop.wake()
    assert counter.done.wait(WAIT)


def test_a_failing_one_is_dropped_and_the_others_live(refresh_loop, caplog):
    class Broken(Counter):
        def tick(self, now, busy):
            raise RuntimeError("broken on purpose")

    broken, counter = Broken(), Counter()
    with caplog.at_level(logging.ERROR):
        refresh_loop.add(broken)
        refresh_loop.add(counter)
        assert counter.done.wait(WAIT)
    assert [record.exc_info[1].args for record in caplog.records] == [("broken on purpose",)]


def test_the_thread_ends_with_the_last_one_and_starts_again(refresh_loop):
    counter = Counter()
    refresh_loop.add(counter)
    assert counter.done.wait(WAIT)
    thread = refresh_loop._thread
    refresh_loop.discard(counter)
    thread.join(WAIT)
    assert not refresh_loop.is_running
    again = Counter()
    refresh_loop.add(again)
    assert again.done.wait(WAIT)


def test_garbage_is_not_kept_alive(refresh_loop):
    gone = threading.Event()

    class Mortal(Counter):
        def __del__(self):
            gone.set()

    mortal = Mortal(enough=1, interval=None)
    done = mortal.done
    refresh_loop.add(mortal)
    assert done.wait(WAIT)
    del mortal
    refresh_loop.wake()  # it may be held by the pass that is just ending
    gc.collect()
    assert gone.wait(WAIT)


@pytest.mark.parametrize("times", [1, 2])
def test_stop_may_be_repeated(refresh_loop, times):
    refresh_loop.add(Counter())
    for _ in range(times):
        refresh_loop.stop()
    assert not refresh_loop.is_running
