"""The queue between those who record and the disk is bounded by bytes."""

from __future__ import annotations

import threading

from hftlab.recorder.byte_queue import ByteQueue


def test_items_come_out_together_and_in_order() -> None:
    queue: ByteQueue[int] = ByteQueue(100, 10_000)
    assert all(queue.put(number, 10) for number in range(5))
    assert queue.size == 50
    assert list(queue.take()) == [0, 1, 2, 3, 4]
    assert (queue.size, list(queue.take())) == (0, [])


def test_what_has_no_room_is_left_out() -> None:
    queue: ByteQueue[str] = ByteQueue(100, 10_000)
    assert queue.put("a", 100)
    assert not queue.put("b", 1)
    assert queue.put("c", 1000, beyond=True)
    assert list(queue.take()) == ["a", "c"]
    assert queue.put("d", 100)


def test_a_closed_one_takes_nothing_that_need_not_come_in() -> None:
    """Nobody would take it out."""
    queue: ByteQueue[str] = ByteQueue(100, 10_000)
    queue.close()
    assert queue.is_closed
    assert not queue.put("a", 1)
    assert queue.put("b", 1, beyond=True)
    assert list(queue.take()) == ["b"]


def test_waiting_ends_with_an_item_and_with_the_close() -> None:
    queue: ByteQueue[int] = ByteQueue(100, 10_000)
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


def test_a_batch_has_so_many_bytes_and_the_rest_stays() -> None:
    queue: ByteQueue[str] = ByteQueue(100, 25)
    for item in "abcd":
        queue.put(item, 10)
    queue.put("long", 60)
    assert (queue.take(), queue.size) == (["a", "b"], 80)
    assert queue.take() == ["c", "d"]
    assert queue.take() == ["long"], "an item that is longer than a batch comes alone"
    assert (queue.take(), queue.size) == ([], 0)


def test_who_gathers_wakes_up_when_a_batch_is_there() -> None:
    queue: ByteQueue[str] = ByteQueue(100, 20)
    queue.put("a", 10)
    queue.gather(0)
    woken = threading.Event()
    consumer = threading.Thread(target=lambda: (queue.gather(60), woken.set()))
    consumer.start()
    assert not woken.is_set()
    queue.put("b", 10)
    assert woken.wait(10)
    consumer.join()
