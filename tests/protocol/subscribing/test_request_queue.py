"""Requests and the replies that belong to them."""

from __future__ import annotations

from hftlab.protocol import Ack, Auth, AuthFailed, AuthSuccess, CancelAll, Ping
from hftlab.protocol.subscribing.deadlines import Deadlines
from hftlab.protocol.subscribing.request_queue import CANCELS, Duty, Purpose, RequestQueue


def queue() -> tuple[RequestQueue, Deadlines[Duty | str]]:
    deadlines: Deadlines[Duty | str] = Deadlines()
    return RequestQueue(deadlines), deadlines


def test_a_reply_finds_its_request_by_the_id_and_only_once() -> None:
    requests, deadlines = queue()
    first, second = Ping(timestamp=1.0), Ping(timestamp=1.0)
    for request in (first, second):
        requests.ask(request, Purpose.CLOCK, 5.0)
    assert list(requests.outgoing) == [first, second]
    assert first.id != second.id
    reply = Ack(timestamp=1.0, id=second.id, message="")
    asked = requests.match(reply)
    assert asked is not None
    assert asked.request is second
    assert requests.match(reply) is None
    assert deadlines.take_due(15.0) == [first.id]


def test_an_answer_to_auth_needs_no_id() -> None:
    requests, _ = queue()
    requests.ask(Auth(timestamp=1.0, token="t"), Purpose.SIGN_IN, 0.0)
    assert requests.match(Ack(timestamp=1.0, message="")) is None
    assert requests.match(AuthFailed(timestamp=1.0)) is not None
    assert requests.match(AuthSuccess(timestamp=1.0)) is None


def test_what_is_kept_is_sent_in_order_when_it_is_released() -> None:
    requests, deadlines = queue()
    pings = [Ping(timestamp=1.0) for _ in range(3)]
    numbers = [requests.keep(ping) for ping in pings]
    assert requests.has_kept
    assert not requests.outgoing
    requests.withdraw(numbers[1])
    requests.release(5.0)
    assert list(requests.outgoing) == [pings[0], pings[2]]
    assert not requests.has_kept
    assert deadlines.next == 15.0


def test_some_kinds_may_be_released_before_the_others() -> None:
    requests, _ = queue()
    ping, cancel = Ping(timestamp=1.0), CancelAll(timestamp=1.0)
    numbers = [requests.keep(request) for request in (ping, cancel)]
    assert requests.kept(CANCELS) == numbers[1:]
    requests.release(5.0, CANCELS)
    assert list(requests.outgoing) == [cancel]
    assert requests.kept() == numbers[:1]


def test_at_the_end_callers_are_told_apart() -> None:
    """Those whose request has not been sent, and those who have had no reply; what the protocol asked is its own."""
    requests, deadlines = queue()
    asked = requests.keep(Ping(timestamp=1.0))
    requests.release(0.0)
    kept = requests.keep(Ping(timestamp=1.0))
    requests.ask(Ping(timestamp=1.0), Purpose.CLOCK, 0.0)
    assert requests.clear() == ([kept], [asked])
    assert requests.clear() == ([], [])
    assert not requests.outgoing
    assert deadlines.next is None
