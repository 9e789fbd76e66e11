"""Items come from a thread, in order, and the thread ends with whoever wants them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from hftlab.session.read_ahead import ReadAhead
from tests.waiting import until

NAME = "hftlab read-ahead"


def threads() -> int:
    return sum(thread.name == NAME for thread in threading.enumerate())


def ahead(items: Iterator[int]) -> ReadAhead[int]:
    return ReadAhead(lambda: items, lambda last: count(0 if last is None else last + 1))


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    gc.collect()
    until(lambda: threads() == 0)


class TestItems:
    def test_they_come_in_order_and_end(self) -> None:
        items = ahead(iter(range(10_000)))
        assert list(items) == list(range(10_000))
        assert list(items) == []

    def test_an_error_comes_in_its_place(self) -> None:
        def failing() -> Iterator[int]:
            yield 1
            yield 2
            raise OSError("broken")

        items = ahead(failing())
        assert (next(items), next(items)) == (1, 2)
        for _ in range(2):
            with pytest.raises(OSError, match="broken"):
                next(items)

    def test_it_is_ahead_by_a_bounded_amount(self) -> None:
        read: list[int] = []
        items = ahead(read.append(number) or number for number in count())
        assert next(items) == 0
        until(lambda: not items._queue.is_short)
        until(lambda: items._queue._is_full)
        held = len(read)
        assert held < 5000
        assert [next(items) for _ in range(1000)] == list(range(1, 1001))
        until(lambda: len(read) > held)
        items.close()

    def test_one_piece_is_read_before_somebody_takes_the_first(self) -> None:
        """Who looks for a place goes on to the next one, and would wait for the end of what is read."""
        read: list[int] = []
        items = ahead(read.append(number) or number for number in count())
        assert items.is_ready(None)
        until(lambda: items._queue._is_full)
        assert len(items._queue._pieces) == 1
        assert next(items) == 0
        until(lambda: len(items._queue._pieces) > 1)
        items.close()
        assert len(read) > 256

    def test_large_items_are_fewer(self) -> None:
        class Large:
            size = 1 << 20

        read: list[Large] = []

        def large() -> Iterator[Large]:
            while True:
                read.append(Large())
                yield read[-1]

        items: ReadAhead[Large] = ReadAhead(large, lambda _: large())
        next(items)
        until(lambda: items._queue._is_full)
        assert len(read) <= 16 + 2
        items.close()

    def test_it_says_whether_one_must_wait(self) -> None:
        go_on = threading.Event()

        def slow() -> Iterator[int]:
            yield 1
            go_on.wait()
            yield 2

        items = ahead(slow())
        assert not items.is_ready(0.0)  # a piece is handed over when it is full, or at the end
        go_on.set()
        assert items.is_ready(None)
        assert [*items] == [1, 2]
        assert items.is_ready()


class TestEnd:
    def test_close_ends_the_thread_and_the_items(self) -> None:
        items = ahead(count())
        next(items)
        assert threads() == 1
        items.close()
        assert threads() == 0
        items.close()

    def test_an_object_that_is_collected_takes_its_thread_along(self) -> None:
        items = ahead(count())
        next(items)
        assert threads() == 1
        del items

    def test_the_interpreter_ends_while_the_thread_waits(self) -> None:
        code = (
            "from itertools import count; from hftlab.session.read_ahead import ReadAhead\n"
            "items = ReadAhead(count, lambda last: count()); print(next(items))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_fork_goes_on_by_itself(self) -> None:
        items = ahead(count())
        first = [next(items) for _ in range(10)]
        child = os.fork()
        if child == 0:
            os._exit(0 if [next(items) for _ in range(5000)] == list(range(10, 5010)) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert first + [next(items) for _ in range(5000)] == list(range(5010))
        items.close()
