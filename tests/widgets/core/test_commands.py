from __future__ import annotations

import threading

from hftlab.widgets.core.commands import Commands


def test_commands_are_done_in_their_order_and_their_thread_ends():
    done, told = [], []
    commands = Commands(lambda: told.append(commands.busy))
    for number in range(20):
        commands.put(lambda number=number: done.append((number, threading.current_thread().name)))
    assert commands.wait(10)
    assert [number for number, _ in done] == list(range(20))
    assert {name for _, name in done} == {"hftlab-commands"}
    assert told[-1] is False


def test_of_those_that_wait_for_one_purpose_only_the_newest_is_done():
    done, begun, go_on = [], threading.Event(), threading.Event()
    commands = Commands(lambda: None)

    def slow():
        begun.set()
        go_on.wait(10)

    commands.put(slow)
    assert begun.wait(10)
    for number in range(5):
        commands.put(lambda number=number: done.append(number), only_newest="seek")
    commands.put(lambda: done.append("pause"))
    assert commands.busy
    go_on.set()
    assert commands.wait(10)
    assert done == [4, "pause"]


def test_a_refused_command_is_kept_and_the_next_is_done():
    done = []
    commands = Commands(lambda: None)

    def refused():
        raise ValueError("the venue is closed")

    commands.put(refused)
    commands.put(lambda: done.append(1))
    assert commands.wait(10)
    assert (commands.refused, commands.refusals, done) == ("the venue is closed", 1, [1])


def test_what_has_not_begun_can_be_left_out():
    done, begun, go_on = [], threading.Event(), threading.Event()
    commands = Commands(lambda: None)
    commands.put(lambda: (begun.set(), go_on.wait(10)))
    assert begun.wait(10)
    commands.put(lambda: done.append(1))
    commands.clear()
    go_on.set()
    assert commands.wait(10)
    assert done == []
