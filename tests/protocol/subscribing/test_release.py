"""When callers' requests are sent."""

from __future__ import annotations

import pytest

from hftlab.errors import RateLimitExceeded
from hftlab.protocol import CancelAll, Message, Ping, ReplaceOrder
from hftlab.protocol.subscribing.client_events import Answered
from hftlab.protocol.subscribing.deadlines import Deadlines
from hftlab.protocol.subscribing.release import Release
from hftlab.protocol.subscribing.request_queue import Duty, RequestQueue
from hftlab.transport.recovery import ErrorRecovery
from tests.trading.updates import new_order


class Kept:
    """A queue with an order, a replacement, a cancellation and a PING."""

    def __init__(self) -> None:
        self.deadlines: Deadlines[Duty | str] = Deadlines()
        self.queue, self.recovery = RequestQueue(self.deadlines), ErrorRecovery()
        self.release = Release("ws://there", self.queue, self.deadlines, self.recovery)
        replacement = ReplaceOrder(timestamp=1.0, client_order_id="a", new_client_order_id="b", price=1.0)
        self.requests = [new_order(), replacement, CancelAll(timestamp=1.0), Ping(timestamp=1.0)]
        self.numbers = [self.queue.keep(request) for request in self.requests]

    def pause(self, seconds: float) -> None:
        self.recovery.handle(RateLimitExceeded("slow", retry_after=seconds), 0.0)

    def sent(self, *, is_signed_in: bool, is_ready: bool, now: float = 0.0) -> list[Message]:
        self.release.proceed(now, is_signed_in=is_signed_in, is_ready=is_ready, has_duties=False)
        return list(self.queue.outgoing)


def test_orders_need_the_sign_in_and_other_requests_a_ready_connection() -> None:
    kept = Kept()
    assert kept.sent(is_signed_in=False, is_ready=False) == []
    assert kept.sent(is_signed_in=True, is_ready=False) == kept.requests[:3]
    assert kept.sent(is_signed_in=True, is_ready=True) == kept.requests


def test_in_a_pause_cancellations_are_sent_and_the_end_is_waited_for() -> None:
    kept = Kept()
    kept.pause(3.0)
    assert kept.sent(is_signed_in=True, is_ready=True) == [kept.requests[2]]
    assert Duty.HOLD in kept.deadlines.take_due(3.0)
    refused = kept.release.refuse_orders(1.0)
    assert [event.request_id for event in refused if isinstance(event, Answered)] == kept.numbers[:2]
    assert kept.sent(is_signed_in=True, is_ready=True, now=3.0) == kept.requests[2:]
    assert kept.release.refuse_orders(3.0) == []


def test_a_new_order_is_refused_at_once_in_a_pause() -> None:
    kept = Kept()
    kept.release.check(new_order(), 0.0)
    kept.pause(3.0)
    kept.release.check(CancelAll(timestamp=1.0), 1.0)
    with pytest.raises(RateLimitExceeded, match=r"ws://there has asked for a pause: .* in 2\.0 s") as raised:
        kept.release.check(new_order(), 1.0)
    assert raised.value.retry_after == 2.0


def test_duties_of_others_are_woken_up_for_as_well() -> None:
    kept = Kept()
    for number in kept.numbers:
        kept.queue.withdraw(number)
    kept.pause(3.0)
    kept.release.proceed(0.0, is_signed_in=True, is_ready=True, has_duties=True)
    assert kept.deadlines.take_due(3.0) == [Duty.HOLD]
