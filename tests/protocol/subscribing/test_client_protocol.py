"""The client's end of a connection: what it does with what comes in, and when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import AuthenticationFailed, ConnectionFailed, MessageParseError, NetworkError, RateLimitExceeded
from hftlab.protocol import (
    Ack,
    CancelAll,
    CancelOrder,
    DataType,
    NewOrder,
    OrderType,
    Ping,
    ReplaceOrder,
    ReplayAction,
    ReplayControl,
    Side,
    Subscribe,
)
from hftlab.protocol.subscribing.client_events import (
    Answered,
    Disconnect,
    ErrorOccurred,
    MessageKind,
    Ready,
    Received,
    TokenNeeded,
    Undecoded,
)
from hftlab.protocol.subscribing.loss import Loss
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.subscribing.driver import FAR, WELCOME, Driver

CHANNEL: dict[str, Any] = {
    "channel": 1,
    "symbols": ["AAPL"],
    "dataTypes": ["QUOTES"],
    "frequency": 0,
    "slowConsumer": "CONFLATE",
    "sequence": 0,
}


STEPS = st.sampled_from(["ask", "answer", "refuse", "limit", "wait", "long", "ready", "lose"])


def wanting(kind: DataType, **options: Any) -> Driver:
    """A connection that has restored a subscription to AAPL."""
    subscriber = Subscriber()
    subscriber.wanted.add(["AAPL"], [kind], 0)
    driver = Driver(subscriber=subscriber, **options)
    driver.connect()
    driver.answer(type="ACK", message="ok", channels=[CHANNEL | {"dataTypes": [kind]}])
    return driver


def subscribe(*symbols: str) -> Subscribe:
    return Subscribe(timestamp=1.0, symbols=list(symbols))


class TestGreeting:
    def test_the_welcome_is_waited_for(self) -> None:
        driver = Driver()
        assert driver.protocol.next_deadline() == driver.now + 1.0
        driver.hear(**WELCOME)
        assert driver.all(TokenNeeded) == [TokenNeeded(is_renewal=False)]
        assert driver.protocol.version == "1.0"
        assert driver.subscriber.session == "s1"

    def test_a_server_without_a_welcome_is_used_after_a_second(self) -> None:
        driver = Driver()
        driver.wait(0.9)
        assert driver.events == []
        driver.wait(0.2)
        assert driver.events == [TokenNeeded(is_renewal=False)]
        driver.hear(**WELCOME)
        assert driver.all(TokenNeeded) == [TokenNeeded(is_renewal=False)]

    def test_without_a_token_it_is_ready_at_once(self) -> None:
        driver = Driver()
        driver.connect()
        assert driver.all(Ready) == [Ready()]
        assert driver.sent == []
        assert driver.protocol.is_signed_in

    def test_ready_is_signed_in_and_restored(self) -> None:
        subscriber = Subscriber()
        subscriber.wanted.add(["AAPL"], [DataType.QUOTES], 0)
        driver = Driver(subscriber=subscriber)
        driver.connect("secret")
        assert driver.types() == ["AUTH", "SUBSCRIBE"]
        assert driver.all(Ready) == []
        assert driver.protocol.is_signed_in
        driver.answer(type="ACK", message="ok")
        assert driver.all(Ready) == [Ready()]


class TestMessages:
    def test_a_message_is_streamed_and_a_reply_is_not(self) -> None:
        driver = Driver()
        driver.connect()
        driver.hear(type="MARKET_DATA", symbols=[])
        driver.hear(type="ACK", message="x")
        kinds = [(event.message.type, event.kind) for event in driver.all(Received)]
        assert kinds[1:] == [("MARKET_DATA", MessageKind.STREAMED), ("ACK", MessageKind.REPLY)]

    def test_what_does_not_decode_is_an_error(self) -> None:
        driver = Driver()
        driver.take(driver.protocol.receive(b"nonsense", 1, driver.now))
        ((error, _, is_raised),) = driver.all(ErrorOccurred)
        assert isinstance(error, MessageParseError)
        assert not is_raised
        assert driver.all(Undecoded) == [Undecoded(b"nonsense", 1, error)]

    def test_what_is_lost_is_asked_for_again(self) -> None:
        driver = wanting(DataType.QUOTES)
        for sequence in (1, 3, 5):
            driver.hear(type="MARKET_DATA", channel=1, sequence=sequence, symbols=[])
        assert driver.all(Loss) == [Loss(1, 2, 2, "lost"), Loss(1, 4, 4, "lost")]
        assert driver.types() == ["SUBSCRIBE", "SUBSCRIBE"]

    def test_the_loss_comes_before_the_message_that_shows_it(self) -> None:
        driver = Driver()
        driver.connect()
        driver.hear(type="MARKET_DATA", channel=1, sequence=1, symbols=[])
        driver.events.clear()
        driver.hear(type="MARKET_DATA", channel=1, sequence=3, symbols=[])
        assert [type(event) for event in driver.events] == [Loss, Received]

    def test_an_error_without_a_request_is_told(self) -> None:
        driver = Driver()
        driver.connect()
        driver.hear(type="ERROR", errorType="RATE_LIMIT_EXCEEDED", message="slow", recoverable=True, retryAfter=2.0)
        ((error, recovery, is_raised),) = driver.all(ErrorOccurred)
        assert isinstance(error, RateLimitExceeded)
        assert (recovery.delay, is_raised) == (2.0, False)

    def test_a_server_that_does_not_want_the_client_back_ends_it(self) -> None:
        driver = Driver()
        driver.connect()
        driver.hear(type="ERROR", errorType="CONNECTION_FAILED", message="go", recoverable=False)
        assert driver.all(Disconnect) == [Disconnect("go")]
        assert isinstance(driver.protocol.failure, ConnectionFailed)

    def test_what_stays_stale_is_asked_for_again_with_the_heartbeat(self) -> None:
        driver = wanting(DataType.BOOK_DELTA, heartbeat_interval=10.0)
        driver.hear(
            channel=1,
            sequence=1,
            type="BOOK_DELTA",
            symbol="AAPL",
            exchange="X",
            bids=[],
            asks=[],
            checksum=1,
            tsEvent=1.0,
            snapshot=True,
        )
        driver.answer(type="ACK", message="ok")  # and the snapshot is lost
        before = len(driver.sent)
        driver.wait(10.0)
        driver.hear(type="ACK", message="alive")
        driver.wait(10.0)
        assert driver.types()[before:] == ["HEARTBEAT", "HEARTBEAT", "SUBSCRIBE"]


class TestRequests:
    def test_it_waits_until_the_connection_is_ready(self) -> None:
        driver = Driver()
        number = driver.request(subscribe("AAPL"))
        assert driver.sent == []
        driver.connect("secret")
        assert driver.types() == ["AUTH", "SUBSCRIBE"]
        driver.answer(type="ACK", message="ok")
        ((answered, reply),) = driver.all(Answered)
        assert answered == number
        assert isinstance(reply, Ack)

    def test_it_waits_while_the_server_wants_a_pause(self) -> None:
        driver = Driver()
        driver.connect()
        driver.request(subscribe("AAPL"))
        driver.answer(type="ERROR", errorType="RATE_LIMIT_EXCEEDED", message="slow", recoverable=True, retryAfter=3.0)
        assert isinstance(driver.all(Answered)[0].reply, RateLimitExceeded)
        driver.request(subscribe("MSFT"))
        driver.wait(2.9)
        assert len(driver.sent) == 1
        driver.wait(0.2)
        assert driver.sent[1]["symbols"] == ["MSFT"]

    @pytest.mark.parametrize(
        ("request_", "timeout"),
        [(Ping(timestamp=1.0), 10.0), (ReplayControl(timestamp=1.0, action=ReplayAction.PAUSE), 60.0)],
    )
    def test_a_reply_is_waited_for_so_long(self, request_: Any, timeout: float) -> None:
        driver = Driver(heartbeat_interval=3600.0)
        driver.connect()
        driver.request(request_)
        driver.wait(timeout - 0.1)
        assert driver.all(Answered) == []
        driver.wait(0.2)
        ((_, error),) = driver.all(Answered)
        assert isinstance(error, NetworkError)
        assert f"has not answered {request_.type} for {timeout:g} s" in str(error)
        assert driver.all(Disconnect) == []

    def test_a_control_is_waited_for_while_the_replay_tells_where_it_is(self) -> None:
        """A STEP may have more to stream than a minute has room for; other requests are not waited for any longer."""
        driver = Driver(heartbeat_interval=3600.0)
        driver.connect()
        step = driver.request(ReplayControl(timestamp=1.0, action=ReplayAction.STEP, count=1_000_000))
        for _ in range(10):
            driver.wait(59.0)
            driver.hear(type="REPLAY_STATUS", state="PAUSED", position=1000.0)
        ping = driver.request(Ping(timestamp=1.0))
        driver.hear(type="REPLAY_STATUS", state="PAUSED", position=1000.0)
        driver.wait(10.1)
        assert [number for number, _ in driver.all(Answered)] == [ping]
        driver.wait(49.0)
        assert len(driver.all(Answered)) == 1
        driver.wait(1.0)
        assert [number for number, _ in driver.all(Answered)] == [ping, step]

    def test_one_that_is_withdrawn_is_neither_sent_nor_answered(self) -> None:
        driver = Driver()
        driver.protocol.withdraw(driver.request(subscribe("AAPL")))
        driver.connect()
        assert driver.sent == []
        number = driver.request(subscribe("MSFT"))
        driver.protocol.withdraw(number)
        driver.wait(20.0)
        driver.hear(id=number, type="ACK", message="late")
        assert driver.all(Answered) == []

    def test_a_message_is_sent_as_it_is_once_signed_in(self) -> None:
        driver = Driver()
        cancel = CancelOrder(timestamp=1.0, client_order_id="7")
        with pytest.raises(NetworkError, match="not signed in"):
            driver.protocol.send(cancel)
        driver.connect()
        driver.protocol.send(cancel)
        driver.flush()
        assert driver.sent == [{"type": "CANCEL_ORDER", "clientOrderId": "7", "timestamp": 7000.0}]

    @given(
        st.lists(st.sampled_from(["ask", "answer", "refuse", "limit", "wait", "long", "ready", "lose"]), max_size=40)
    )
    def test_each_request_is_answered_exactly_once(self, steps: list[str]) -> None:
        """Whatever happens in between, and after each step nothing is overdue."""
        driver = Driver(heartbeat_interval=3600.0)
        asked: list[str] = []
        error = {"type": "ERROR", "message": "no", "recoverable": True, "retryAfter": 1.5}
        replies: dict[str, dict[str, Any]] = {
            "answer": {"type": "ACK", "message": "ok"},
            "refuse": error | {"errorType": "SUBSCRIPTION_FAILED", "retryAfter": None},
            "limit": error | {"errorType": "RATE_LIMIT_EXCEEDED"},
        }
        for step in [*steps, "lose"]:
            if step == "ask" and driver.protocol.end is None:
                asked.append(driver.request(subscribe("AAPL")))
            elif step in replies and driver.sent and driver.protocol.end is None:
                driver.answer(**{name: value for name, value in replies[step].items() if value is not None})
            elif step in ("wait", "long"):
                driver.wait(1.0 if step == "wait" else 11.0)
            elif step == "ready" and not driver.protocol.is_signed_in and driver.protocol.end is None:
                driver.connect()
            elif step == "lose":
                driver.take(driver.protocol.connection_lost("cut", driver.now))
            deadline = driver.protocol.next_deadline()
            assert deadline is None or deadline > driver.now - 1e-9
        assert sorted(event.request_id for event in driver.all(Answered)) == sorted(asked)


class TestSignsOfLife:
    def test_heartbeats_are_sent_from_the_beginning(self) -> None:
        driver = Driver(heartbeat_interval=10.0)
        driver.wait(10.0)
        assert driver.types() == ["HEARTBEAT"]

    def test_a_silent_server_is_left(self) -> None:
        driver = Driver(heartbeat_interval=10.0)
        driver.connect()
        driver.wait(29.0)
        assert driver.all(Disconnect) == []
        driver.wait(2.0)
        assert driver.all(Disconnect) == [Disconnect("no sign of life: 3 heartbeats missed")]
        assert not driver.protocol.is_healthy

    def test_any_message_is_a_sign_of_life(self) -> None:
        driver = Driver(heartbeat_interval=10.0)
        driver.connect()
        for _ in range(3):
            driver.wait(25.0)
            driver.hear(type="MARKET_DATA", symbols=[])
        assert driver.all(Disconnect) == []
        assert driver.protocol.is_healthy

    def test_the_clock_of_another_machine_is_compared(self) -> None:
        driver = Driver(FAR, heartbeat_interval=10.0)
        driver.connect()
        driver.wait(0.0)
        driver.answer(type="PONG", pingTimestamp=5000.0, receivedAt=9000.0, timestamp=9000.0)
        assert driver.clock_offset.best is not None
        assert driver.clock_offset.correction == 4_000_000_000
        driver.wait(10.0)
        assert driver.types() == ["PING", "HEARTBEAT", "PING"]

    def test_one_machine_has_one_clock(self) -> None:
        driver = Driver(heartbeat_interval=10.0)
        driver.connect()
        driver.wait(15.0)
        assert "PING" not in driver.types()


class TestEnd:
    def test_what_is_outstanding_fails(self) -> None:
        driver = Driver()
        driver.connect()
        driver.request(Ping(timestamp=1.0))
        driver.wait(3.0)
        driver.take(driver.protocol.connection_lost("cut", driver.now))
        ((_, error),) = driver.all(Answered)
        assert "closed before it answered" in str(error)
        assert driver.protocol.lasted == 3.0
        assert driver.protocol.next_deadline() is None
        assert driver.protocol.connection_lost("again", driver.now) == []
        with pytest.raises(NetworkError, match="cut"):
            driver.protocol.request(Ping(timestamp=1.0), driver.now)

    def test_a_connection_that_never_was_ready_has_not_lasted(self) -> None:
        driver = Driver()
        driver.take(driver.protocol.connection_lost("cut", driver.now + 5))
        assert (driver.protocol.lasted, driver.protocol.was_ready) == (0.0, False)

    def test_the_reason_for_leaving_counts_more_than_that_of_the_socket(self) -> None:
        driver = Driver()
        driver.take(driver.protocol.abort("enough"))
        driver.take(driver.protocol.abort("more than enough"))
        assert driver.all(Disconnect) == [Disconnect("enough")]
        driver.protocol.connection_lost("the connection broke", driver.now)
        assert driver.protocol.reason == "enough"
        assert "enough" in str(driver.protocol.end)

    def test_a_refusal_that_is_followed_by_the_end_is_a_failure_to_sign_in(self) -> None:
        driver = Driver(sign_in_is_optional=False)
        driver.hear(**WELCOME)
        driver.take(driver.protocol.authenticate("bad", driver.now))
        driver.answer(type="AUTH_FAILED", message="bad token")
        driver.protocol.connection_lost("closed", driver.now)
        assert driver.protocol.was_refused
        assert isinstance(driver.protocol.end, AuthenticationFailed)


class TestTrading:
    def order(self) -> NewOrder:
        terms: dict[str, Any] = {"side": Side.BUY, "order_type": OrderType.MARKET, "quantity": 1.0}
        return NewOrder(timestamp=1.0, client_order_id="a", symbol="AAPL", **terms)

    def pause(self, driver: Driver) -> None:
        driver.hear(type="ERROR", errorType="RATE_LIMIT_EXCEEDED", message="slow", recoverable=True, retryAfter=3.0)

    def test_an_order_is_answered_by_its_ack(self) -> None:
        driver = Driver()
        driver.connect(token="t")
        number = driver.request(self.order())
        driver.answer(type="ACK", message="ok")
        assert [event.request_id for event in driver.all(Answered)] == [number]

    def test_orders_and_cancellations_wait_for_the_sign_in_and_not_for_subscriptions(self) -> None:
        subscriber = Subscriber()
        subscriber.wanted.add(["AAPL"], [DataType.QUOTES], 0)
        driver = Driver(subscriber=subscriber)
        driver.hear(**WELCOME)
        driver.request(self.order())
        driver.request(CancelAll(timestamp=1.0))
        driver.request(Ping(timestamp=1.0))
        assert driver.sent == []
        driver.take(driver.protocol.authenticate(None, driver.now))
        assert driver.types() == ["SUBSCRIBE", "NEW_ORDER", "CANCEL_ALL"]

    def test_while_the_server_wants_a_pause_only_cancellations_are_sent(self) -> None:
        """An order that waited for its end would be late."""
        driver = Driver()
        driver.connect()
        self.pause(driver)
        replacement = ReplaceOrder(timestamp=1.0, client_order_id="a", new_client_order_id="b", price=1.0)
        for request in (self.order(), replacement):
            with pytest.raises(RateLimitExceeded, match=r"send this order again in 3\.0 s"):
                driver.request(request)
        driver.request(Ping(timestamp=1.0))
        driver.request(CancelOrder(timestamp=1.0, client_order_id="a"))
        driver.request(CancelAll(timestamp=1.0))
        assert driver.types() == ["CANCEL_ORDER", "CANCEL_ALL"]
        driver.wait(3.0)
        assert driver.types() == ["CANCEL_ORDER", "CANCEL_ALL", "PING"]
        driver.request(self.order())
        assert driver.types()[-1] == "NEW_ORDER"

    def test_an_order_that_waits_for_the_sign_in_is_refused_when_a_pause_begins(self) -> None:
        driver = Driver()
        driver.hear(**WELCOME)
        number = driver.request(self.order())
        cancelling = driver.request(CancelAll(timestamp=1.0))
        self.pause(driver)
        (answered,) = driver.all(Answered)
        assert answered.request_id == number
        assert isinstance(answered.reply, RateLimitExceeded)
        driver.take(driver.protocol.authenticate(None, driver.now))
        assert [request["id"] for request in driver.sent] == [cancelling]

    def test_an_error_that_answers_an_order_leaves_the_connection(self) -> None:
        driver = Driver()
        driver.connect(token="t")
        for kind in ("CONNECTION_FAILED", "SERVER_ERROR", "MESSAGE_PARSE_ERROR", "NETWORK_ERROR"):
            driver.request(self.order())
            driver.answer(type="ERROR", errorType=kind, message="no", recoverable=False)
        assert len(driver.all(Answered)) == 4
        assert driver.protocol.reason == ""
        assert driver.all(Disconnect) == []

    def test_a_snapshot_belongs_to_the_account_as_well(self) -> None:
        """It comes without a channel: it is not one of the numbered messages."""
        driver = Driver()
        driver.connect(token="t", subject="alice")
        amounts = ("totalValue", "cash", "marketValue", "buyingPower", "unrealizedPnL", "realizedPnL", "dayPnL")
        driver.hear(type="PORTFOLIO_UPDATE", snapshot=True, **dict.fromkeys(amounts, 1.0))
        assert driver.all(Received)[-1].account == "alice"

    def test_auth_may_ask_for_cancellations_at_the_end(self) -> None:
        asked = []
        for cancels in (False, True):
            driver = Driver(cancel_on_disconnect=cancels)
            driver.connect(token="t")
            asked.append(driver.sent[-1].get("cancelOnDisconnect"))
        assert asked == [None, True]
