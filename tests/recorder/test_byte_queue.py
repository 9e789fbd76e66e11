"""The queue between those who record and the disk is bounded by bytes."""

from __future__ import annotations

import threading

from hftlab.recorder.byte_queue import ByteQueue


def test_items_come_out_together_and_in_order() -> None:
    queue: ByteQueue[int] = ByteQueue(100)
    assert all(queue.put(number, 10) for number in range(5))
    assert queue.size == 50
    assert list(queue.take()) == [0, 1, 2, 3, 4]
    assert (queue.size, list(queue.take())) == (0, [])


def test_what_has_no_room_is_left_out() -> None:
    queue: ByteQueue[str] = ByteQueue(100)
    assert queue.put("a", 100)
    assert not queue.put("b", 1)
    assert queue.put("c", 1000, beyond=True)
    assert list(queue.take()) == ["a", "c"]
    assert queue.put("d", 100)


def test_a_closed_one_takes_nothing_that_need_not_come_in() -> None:
    """Nobody would take it out."""
    queue: ByteQueue[str] = ByteQueue(100)
    queue.close()
    assert queue.is_closed
    assert not queue.put("a", 1)
    assert queue.put("b", 1, beyond=True)
    assert list(queue.take()) == ["b"]


def test_waiting_ends_with_an_item_and_with_the_close() -> None:
    queue: ByteQueue[int] = ByteQueue(100)
    assert not queue.wait(0)
    assert not queue.wait_closed(0)
    woken: list[bool] = []

    def consume() -> None:
        queue.wait()
        woken.append(queue.is_closed)
        queue.take()
        queue.wait()
        woken.append(queue.is_closed)

    consumer = threading.Thread(target=consume)
    consumer.start()
    queue.put(1, 1)
    while queue.size:
        pass
    queue.close()
    consumer.join(10)
    assert woken == [False, True]
    assert queue.wait_closed(0)
