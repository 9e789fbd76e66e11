from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.soupbintcp.packets import LoginAccepted, encode
from hftlab.venues.soupbintcp.session_order import SessionOrder


def framed(*messages: bytes) -> bytes:
    return b"".join(len(one).to_bytes(2, "big") + one for one in messages)


def taken(order: SessionOrder, *messages: bytes) -> list[tuple[int, int, bytes, bool]]:
    """The first number, the session, the bytes and the mark of a gap of what is new of these messages."""
    data = framed(*messages)
    run = order.next_run(np.frombuffer(data, np.uint8), len(data), len(messages))
    if run is None:
        return []
    (start,), (end,), (count,) = run.start.tolist(), run.end.tolist(), run.count.tolist()
    assert len(data[start:end]) == len(framed(*messages[len(messages) - count :]))
    return [(int(run.sequence[0]), int(run.session[0]), data[start:end], bool(run.is_after_gap[0]))]


def test_a_stream_without_a_login_begins_with_message_1() -> None:
    order = SessionOrder()
    assert taken(order, b"a", b"bc") == [(1, 0, framed(b"a", b"bc"), False)]
    assert taken(order, b"d") == [(3, 0, framed(b"d"), False)]
    assert order.sessions == ("",)


def test_messages_that_are_sent_again_come_once() -> None:
    order = SessionOrder()
    order.log_in(encode(LoginAccepted("S1", 5)))
    taken(order, b"e", b"f", b"g")
    order.log_in(encode(LoginAccepted("S1", 6)))
    assert taken(order, b"f") == []
    assert taken(order, b"g", b"h") == [(8, 0, framed(b"h"), False)]
    assert (order.stats.delivered, order.stats.duplicates, order.gaps) == (4, 2, [])


def test_messages_that_were_not_asked_for_are_a_gap() -> None:
    order = SessionOrder()
    order.log_in(encode(LoginAccepted("S1", 1)))
    taken(order, b"a")
    order.log_in(encode(LoginAccepted("S1", 4)))
    assert taken(order, b"d") == [(4, 0, framed(b"d"), True)]
    assert taken(order, b"e") == [(5, 0, framed(b"e"), True)]
    assert [(gap.stream, gap.first, gap.last) for gap in order.gaps] == [(0, 2, 3)]
    assert (order.stats.gaps, order.stats.missing) == (1, 2)


def test_sessions_are_apart() -> None:
    order, only = SessionOrder(), SessionOrder("S2")
    for one in (order, only):
        for session in ("S1", "S2"):
            one.log_in(encode(LoginAccepted(session, 1)))
            one.log_in(b"\0\x02Sx")  # no login
            taken(one, b"a")
    assert (order.sessions, order.stats.delivered) == (("S1", "S2"), 2)
    assert (only.sessions, only.stats.delivered) == (("S2",), 1)


def test_logins_that_cannot_be_are_passed_over() -> None:
    order = SessionOrder()
    for number in (b"9" * 20, b"x" * 20, b" " * 20):
        order.log_in(b"\0\x1fA" + b"S1".rjust(10) + number)
    order.log_in(b"\0\x1fA")
    assert taken(order, b"a") == [(1, 0, framed(b"a"), False)]


def test_more_sessions_than_a_venue_has_are_left_out() -> None:
    order = SessionOrder()
    for number in range(1_100):
        order.log_in(encode(LoginAccepted(f"S{number}", 1)))
        taken(order, b"a")
    assert len(order.sessions) == 1024


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 10)), min_size=1, max_size=20))
def test_each_message_comes_once_or_is_in_a_gap(logins: list[tuple[int, int]]) -> None:
    order, found, had = SessionOrder(), [], set[int]()
    for first, count in logins:
        order.log_in(encode(LoginAccepted("S1", first)))
        numbers = range(first, first + count)
        for number, _, data, _ in taken(order, *(b"%d" % number for number in numbers)):
            found += [number + place for place in range(data.count(b"\0"))]
        had |= set(numbers)
    begun = logins[0][0]
    missing = [number for gap in order.gaps for number in range(gap.first, gap.last + 1)]
    assert found == sorted(set(found))
    assert sorted([*found, *missing]) == list(range(begun, max(had) + 1))
    assert set(found) <= had
