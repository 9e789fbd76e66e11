"""One connection's state machine: frames and times in, replies, events, deadlines and the end out."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import pytest

from hftlab import protocol
from hftlab.credentials import access_token
from hftlab.errors import ServerError
from hftlab.protocol import MSGPACK, Ack, AuthFailed, AuthSuccess, Codec, Error, Message, Ping, Pong, ReplayStatus
from hftlab.protocol.publishing.authentication import Authenticator
from hftlab.protocol.publishing.limits import Rate, ServerLimits
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.protocol.publishing.server_events import (
    AuditLine,
    Close,
    OrderRequested,
    ReplayRequested,
    Reply,
    SignInRequested,
    Subscribed,
)
from hftlab.protocol.publishing.server_protocol import ServerProtocol
from tests.protocol.conftest import KEY, LIMITS, MS
from tests.protocol.publishing.test_private_log import UPDATE

WALL = 1_800_000_000.0
"""The wall time at `now` 0, in seconds."""


class Connected:
    """A connection on a clock that the test moves."""

    def __init__(
        self,
        publisher: Publisher[str],
        key: str = "a",
        *,
        codec: Codec = protocol.JSON,
        limits: ServerLimits | None = None,
        **options: bool,
    ) -> None:
        self.now, self.publisher = 0.0, publisher
        self.protocol = ServerProtocol(key, codec, publisher, Authenticator(KEY), limits or ServerLimits(), **options)
        self.protocol.open(self.now, self.sent_at)

    @property
    def sent_at(self) -> int:
        return round((WALL + self.now) * 1e9)

    def token(self, account: str = "alice", lifetime: float = 900) -> str:
        return access_token(KEY, account, WALL + self.now, lifetime)

    def ask(self, **fields: Any) -> list[Reply]:
        data = json.dumps({"timestamp": 1, "id": "q"} | fields).encode()
        self.protocol.receive(data, self.now, self.sent_at)
        return self.protocol.data_to_send()

    def sign_in(self, account: str = "alice", lifetime: float = 900, **fields: Any) -> list[Reply]:
        """Sign in as an owner does whose accounts have no state."""
        self.ask(type="AUTH", token=self.token(account, lifetime), **fields)
        assert self.protocol.events()[-1] == SignInRequested(account)
        self.protocol.sign_in((), self.now, self.sent_at)
        return self.protocol.data_to_send()

    def wait(self, seconds: float) -> list[Reply]:
        self.now += seconds
        self.protocol.handle_deadline(self.now, self.sent_at)
        return self.protocol.data_to_send()


def messages(replies: list[Reply]) -> list[Message]:
    return [protocol.decode(reply.payload) for reply in replies]


def kinds(replies: list[Reply]) -> list[str]:
    """The type of each reply, of errors the error type."""
    return [one.error_type if isinstance(one, Error) else one.type for one in messages(replies)]


@pytest.fixture
def connected(publisher: Publisher[str]) -> Connected:
    one = Connected(publisher)
    one.protocol.data_to_send()
    return one


@pytest.fixture
def closed() -> Connected:
    """One of a server that requires authentication."""
    return Connected(Publisher(session="s", limits=LIMITS, symbols=["AAPL"], public=False))


class TestRequests:
    def test_the_welcome_comes_first_and_in_the_connections_encoding(self, publisher: Publisher[str]) -> None:
        one = Connected(publisher, codec=MSGPACK)
        (welcome,) = messages(one.protocol.data_to_send())
        assert isinstance(welcome, Ack)
        assert welcome.connection_id == "a"
        one.protocol.receive(MSGPACK.encode(Ping(timestamp=1.0)), 0.0, one.sent_at)
        (reply,) = one.protocol.data_to_send()
        assert isinstance(MSGPACK.decode(reply.payload), Pong)
        assert one.protocol.data_to_send() == one.protocol.events() == []

    def test_the_first_subscription_is_an_event(self, connected: Connected) -> None:
        connected.ask(type="SUBSCRIBE", symbols=["NONE"])
        assert connected.protocol.events() == []
        connected.ask(type="SUBSCRIBE", symbols=["AAPL"])
        assert connected.protocol.events() == [Subscribed()]
        assert [channel.symbols for channel in connected.protocol.channels()] == [["AAPL"]]
        connected.ask(type="SUBSCRIBE", symbols=["MSFT"])
        assert connected.protocol.events() == []
        assert connected.protocol.received == 3

    def test_a_replay_control_is_answered_when_its_owner_says_so(self, connected: Connected) -> None:
        connected.sign_in()
        for error, expected in ((None, "ACK"), (ServerError("it is live"), "SERVER_ERROR")):
            assert connected.ask(type="REPLAY_CONTROL", action="PAUSE") == []
            (event,) = connected.protocol.events()
            assert isinstance(event, ReplayRequested)
            connected.protocol.answer_replay(event.request, error, connected.now, connected.sent_at)
            (reply,) = messages(connected.protocol.data_to_send())
            assert reply.id == "q"
            assert kinds([Reply(protocol.encode(reply))]) == [expected]

    def test_the_owner_can_send_messages_of_its_own(self, connected: Connected) -> None:
        status = ReplayStatus(timestamp=1.0, state=protocol.ReplayState.PAUSED, position=5.0)
        connected.protocol.send(status, 7000 * MS)
        (message,) = messages(connected.protocol.data_to_send())
        assert (message.type, message.timestamp) == ("REPLAY_STATUS", 7000)

    def test_one_that_has_ended_is_forgotten(self, connected: Connected) -> None:
        connected.sign_in()
        connected.ask(type="SUBSCRIBE", symbols=["AAPL"])
        connected.protocol.end()
        assert (connected.protocol.channels(), connected.publisher.channels) == ([], [])
        assert connected.protocol.next_deadline() is None
        connected.publisher.publish(UPDATE, 0, "alice")
        assert list(connected.publisher.poll(0, 1)) == []


class TestErrors:
    def test_the_budget_ends_the_connection_after_the_reply(self, publisher: Publisher[str]) -> None:
        one = Connected(publisher, limits=ServerLimits(errors=Rate(0.01, burst=1)))
        one.protocol.data_to_send()
        for expected in (None, Close(1008, "too many errors")):
            one.protocol.receive(b"{", 0.0, one.sent_at)
            assert kinds(one.protocol.data_to_send()) == ["MESSAGE_PARSE_ERROR"]
            assert one.protocol.close == expected
        assert one.ask(type="PING") == []
        assert publisher.errors == {"MESSAGE_PARSE_ERROR": 2}

    @pytest.mark.parametrize(
        "fields",
        [
            {"type": "SUBSCRIBE", "symbols": ["NONE"]},
            {"type": "NEW_ORDER"},
            {"type": "CANCEL_ORDER", "clientOrderId": "1"},
            {"type": "AUTH", "token": "a.b.c"},
            {"type": "NOTHING"},
        ],
    )
    def test_whatever_is_refused_spends_it(self, publisher: Publisher[str], fields: dict[str, Any]) -> None:
        one = Connected(publisher, limits=ServerLimits(errors=Rate(0.01, burst=2)))
        for _ in range(3):
            assert one.protocol.close is None
            one.ask(**fields)
        assert one.protocol.close == Close(1008, "too many errors")
        assert publisher.errors.total() == 3

    def test_controls_of_the_replay_that_fail_spend_it_too(self, publisher: Publisher[str]) -> None:
        one = Connected(publisher, limits=ServerLimits(errors=Rate(0.01, burst=1)))
        one.sign_in()
        for _ in range(2):
            assert one.protocol.close is None
            one.ask(type="REPLAY_CONTROL", action="PAUSE")
            (event,) = one.protocol.events()
            assert isinstance(event, ReplayRequested)
            one.protocol.answer_replay(event.request, ServerError("it is live"), one.now, one.sent_at)
        assert one.protocol.close is not None

    @pytest.mark.parametrize(
        ("limits", "fields"),
        [
            (ServerLimits(messages=Rate(10, burst=2)), {"type": "PING"}),
            (ServerLimits(messages=Rate(10, burst=2)), {"type": "NOTHING"}),
            (ServerLimits(subscriptions=Rate(10, burst=2)), {"type": "SUBSCRIBE", "symbols": ["AAPL"]}),
        ],
    )
    def test_rates_are_kept(self, publisher: Publisher[str], limits: ServerLimits, fields: dict[str, Any]) -> None:
        one = Connected(publisher, limits=limits)
        one.protocol.data_to_send()
        assert "RATE_LIMIT_EXCEEDED" not in kinds(one.ask(**fields) + one.ask(**fields))
        (refusal,) = messages(one.ask(**fields))
        assert isinstance(refusal, Error)
        assert (refusal.error_type, refusal.retry_after) == ("RATE_LIMIT_EXCEEDED", 0.1)
        one.now += 0.1
        assert "RATE_LIMIT_EXCEEDED" not in kinds(one.ask(**fields))

    def test_a_message_that_is_too_big_has_an_answer(self, connected: Connected) -> None:
        reply = protocol.decode(connected.protocol.too_big("70000 bytes", connected.sent_at))
        assert isinstance(reply, Error)
        assert "send 65,536 bytes at most" in reply.message
        assert connected.publisher.errors == {"MESSAGE_PARSE_ERROR": 1}


class TestAuthentication:
    def test_orders_and_controls_need_it_and_market_data_does_not(self, connected: Connected) -> None:
        assert kinds(connected.ask(type="SUBSCRIBE", symbols=["AAPL"])) == ["ACK"]
        for fields in ({"type": "CANCEL_ORDER", "clientOrderId": "1"}, {"type": "REPLAY_CONTROL", "action": "PAUSE"}):
            assert kinds(connected.ask(**fields)) == ["AUTHENTICATION_FAILED"]
        assert connected.protocol.events() == [Subscribed()]
        connected.sign_in()
        assert kinds(connected.ask(type="CANCEL_ORDER", clientOrderId="1")) == ["SERVER_ERROR"]

    def test_where_all_needs_it_nothing_is_told_before(self, closed: Connected) -> None:
        (welcome,) = messages(closed.protocol.data_to_send())
        assert isinstance(welcome, Ack)
        assert welcome.symbols is None
        assert kinds(closed.ask(type="PING") + closed.ask(type="HEARTBEAT")) == ["PONG", "ACK"]
        assert kinds(closed.ask(type="SUBSCRIBE", symbols=["AAPL"])) == ["AUTHENTICATION_FAILED"]
        (success,) = messages(closed.sign_in())
        assert isinstance(success, AuthSuccess)
        assert (success.id, success.subject, success.symbols) == ("q", "alice", ["AAPL"])
        assert success.expires_at == (WALL + 900) * 1000
        assert kinds(closed.ask(type="SUBSCRIBE", symbols=["AAPL"])) == ["ACK"]

    def test_it_has_to_come_in_time(self, closed: Connected) -> None:
        closed.protocol.data_to_send()
        assert closed.protocol.next_deadline() == 10.0
        assert closed.wait(9.9) == []
        assert closed.protocol.next_deadline() == 10.0
        (error,) = messages(closed.wait(0.1))
        assert isinstance(error, Error)
        assert "no AUTH has come within 10 s" in error.message
        assert closed.protocol.close == Close(4001, "authentication required")
        assert closed.protocol.next_deadline() is None

    def test_a_wrong_token_changes_nothing(self, connected: Connected) -> None:
        connected.sign_in(lifetime=60)
        (reply,) = connected.ask(type="AUTH", token="a.b.c")
        assert isinstance(protocol.decode(reply.payload), AuthFailed)
        assert not reply.changes_account
        assert (connected.protocol.account, connected.protocol.next_deadline()) == ("alice", 60.0)

    def test_its_end_is_told(self, connected: Connected) -> None:
        connected.sign_in(lifetime=60)
        (reply,) = connected.wait(60)
        assert kinds([reply]) == ["AUTHENTICATION_FAILED"]
        assert reply.urgent
        assert reply.changes_account
        assert connected.protocol.account is connected.protocol.close is connected.protocol.next_deadline() is None
        connected.publisher.publish(UPDATE, 0, "alice")
        assert list(connected.publisher.poll(0, 1)) == []

    def test_where_all_needs_it_its_end_is_that_of_the_connection(self, closed: Connected) -> None:
        closed.sign_in(lifetime=60)
        closed.wait(60)
        assert closed.protocol.close == Close(4001, "authentication expired")

    def test_a_request_that_comes_when_it_has_ended_is_too_late_whatever_the_timer(self, connected: Connected) -> None:
        connected.sign_in(lifetime=60)
        connected.now = 60.0
        replies = connected.ask(type="CANCEL_ORDER", clientOrderId="1")
        assert kinds(replies) == ["AUTHENTICATION_FAILED", "AUTHENTICATION_FAILED"]

    def test_a_renewal_in_time_moves_the_deadline_and_drops_nothing(self, connected: Connected) -> None:
        connected.sign_in(lifetime=60)
        connected.now = 50.0
        (reply,) = connected.sign_in(lifetime=60)
        assert not reply.changes_account
        assert connected.protocol.next_deadline() == 110.0
        assert connected.wait(20) == []
        assert connected.protocol.account == "alice"


class TestAccounts:
    def test_another_account_has_another_sequence_and_drops_what_waits(self, connected: Connected) -> None:
        for account, changes in (("alice", False), ("bob", True), ("bob", False)):
            (reply,) = connected.sign_in(account)
            assert reply.urgent
            assert reply.changes_account is changes
            connected.publisher.publish(UPDATE, 0, "alice")
            assert len(list(connected.publisher.poll(0, 1))) == (account == "alice")
        (reply,) = connected.sign_in("alice")
        success = protocol.decode(reply.payload)
        assert isinstance(success, AuthSuccess)
        assert success.private_sequence == 3

    def test_what_was_missed_is_urgent_and_private(self, connected: Connected) -> None:
        connected.publisher.publish(UPDATE, 0, "alice")
        list(connected.publisher.poll(0, 1))
        success, missed = connected.sign_in(session="s", resumeFrom=0)
        assert (success.urgent, success.private, missed.urgent, missed.private) == (True, False, True, True)
        assert kinds([missed]) == ["PORTFOLIO_UPDATE"]

    @pytest.mark.parametrize("resumed", [{"session": "s", "resumeFrom": 5}, {"session": "other", "resumeFrom": 5}])
    def test_anothers_sequence_gets_nothing_of_anothers(self, connected: Connected, resumed: dict[str, Any]) -> None:
        for _ in range(9):
            connected.publisher.publish(UPDATE, 0, "alice")
        list(connected.publisher.poll(0, 1))
        assert kinds(connected.sign_in("bob", **resumed)) == ["AUTH_SUCCESS"]

    def test_the_answer_to_a_heartbeat_is_the_accounts_alone(self, connected: Connected) -> None:
        """It waits behind market data, so that it might come after the sign-in as another account."""
        (reply,) = connected.ask(type="HEARTBEAT")
        assert not reply.private
        connected.sign_in("alice")
        connected.publisher.publish(UPDATE, 0, "alice")
        list(connected.publisher.poll(0, 1))
        for account, sequence in (("alice", 1), ("bob", 0)):
            connected.sign_in(account)
            (reply,) = connected.ask(type="HEARTBEAT")
            ack = protocol.decode(reply.payload)
            assert isinstance(ack, Ack)
            assert (reply.private, ack.sequences) == (True, {0: sequence})


class TestOrders:
    ORDER: Final = {
        "type": "NEW_ORDER",
        "clientOrderId": "a",
        "symbol": "AAPL",
        "side": "BUY",
        "orderType": "LIMIT",
        "quantity": 100,
        "price": 175.25,
    }

    @pytest.fixture
    def trading(self, publisher: Publisher[str]) -> Connected:
        one = Connected(publisher, takes_orders=True)
        one.protocol.data_to_send()
        return one

    def test_the_owner_answers_them(self, trading: Connected) -> None:
        trading.sign_in()
        for error, expected in ((None, "ACK"), (ServerError("no order of that id"), "SERVER_ERROR")):
            assert trading.ask(**self.ORDER) == []
            (event,) = trading.protocol.events()
            assert isinstance(event, OrderRequested)
            trading.protocol.answer_order(event.request, error, trading.now, trading.sent_at)
            replies = trading.protocol.data_to_send()
            assert kinds(replies) == [expected]
            assert [message.id for message in messages(replies)] == ["q"]
            assert [reply.private for reply in replies] == [True]

    def test_they_need_an_account(self, trading: Connected) -> None:
        for kind in ("NEW_ORDER", "CANCEL_ORDER", "REPLACE_ORDER", "CANCEL_ALL"):
            fields = {**self.ORDER, "newClientOrderId": "b", "type": kind}
            assert kinds(trading.ask(**fields)) == ["AUTHENTICATION_FAILED"]
        assert trading.protocol.events() == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"quantity": 0},
            {"quantity": 2**63},
            {"quantity": float("1e400")},
            {"price": -1},
            {"side": "HOLD"},
            {"clientOrderId": ""},
            {"clientOrderId": "x" * 200},
            {"timeInForce": "FOREVER"},
            {"symbol": "\u0000"},
        ],
    )
    def test_malformed_ones_are_errors(self, trading: Connected, wrong: dict[str, Any]) -> None:
        trading.sign_in()
        trading.protocol.events()
        assert kinds(trading.ask(**(self.ORDER | wrong))) == ["MESSAGE_PARSE_ERROR"]
        assert trading.protocol.events() == []

    def test_a_server_without_a_market_says_so(self, connected: Connected) -> None:
        connected.sign_in()
        assert kinds(connected.ask(**self.ORDER)) == ["SERVER_ERROR"]

    def test_a_sign_in_waits_for_the_state_of_the_account(self, publisher: Publisher[str]) -> None:
        """It tells whether the log has what the client has missed, and how many messages it has brought."""
        one = Connected(publisher, takes_orders=True)
        for _ in range(3):
            publisher.publish(UPDATE, 1, "alice")
        list(publisher.poll(1, 1))
        one.protocol.data_to_send()
        for session, seen, can_resume, missed in (("s", 1, True, 2), ("other", 1, False, 3), (None, None, True, 0)):
            assert one.ask(type="AUTH", token=one.token(), session=session, resumeFrom=seen) == []
            assert one.protocol.events() == [SignInRequested("alice")]
            assert one.protocol.can_resume is can_resume
            assert one.protocol.sign_in([msgspec.structs.replace(UPDATE)], one.now, one.sent_at) == missed + 1
            replies = one.protocol.data_to_send()
            assert kinds(replies) == ["AUTH_SUCCESS", *["PORTFOLIO_UPDATE"] * (missed + 1)]
            assert not one.protocol.can_resume
            assert one.protocol.sign_in([], one.now, one.sent_at) == 0

    def test_auth_has_come_in_time_while_the_state_is_asked_for(self) -> None:
        publisher: Publisher[str] = Publisher(session="s", limits=LIMITS, symbols=["AAPL"], public=False)
        one = Connected(publisher)
        one.protocol.data_to_send()
        one.ask(type="AUTH", token=one.token(lifetime=60))
        assert one.wait(30) == []
        one.protocol.sign_in((), one.now, one.sent_at)
        assert kinds(one.protocol.data_to_send()) == ["AUTH_SUCCESS"]
        assert kinds(one.wait(30)) == ["AUTHENTICATION_FAILED"]

    def test_cancel_on_disconnect_is_asked_for_at_each_sign_in(self, trading: Connected) -> None:
        trading.sign_in(cancelOnDisconnect=True)
        assert trading.protocol.cancels_on_disconnect
        trading.sign_in()
        assert not trading.protocol.cancels_on_disconnect


def test_audit_lines_say_who_did_what(connected: Connected) -> None:
    connected.ask(type="AUTH", token="a.b.c")
    connected.sign_in(lifetime=60)
    connected.ask(type="SUBSCRIBE", symbols=["AAPL"])
    connected.ask(type="CANCEL_ORDER", clientOrderId="1")
    connected.ask(type="REPLAY_CONTROL", action="PAUSE")
    connected.ask(type="SUBSCRIBE", symbols=["no symbol "])
    connected.wait(60)
    who = {"connection": "a", "subject": "alice"}
    reason = "the token was not issued for this server: get a new one and send AUTH again"
    assert connected.protocol.audit_lines() == [
        AuditLine("warning", "authentication failed", {"connection": "a", "reason": reason}),
        AuditLine("info", "authenticated", who),
        AuditLine("info", "subscribe", who | {"symbols": ["AAPL"]}),
        AuditLine("info", "cancel_order", who | {"order": "1"}),
        AuditLine("info", "refused", who | {"request": "CANCEL_ORDER", "reason": "SERVER_ERROR"}),
        AuditLine("info", "replay_control", who | {"action": "PAUSE"}),
        AuditLine("info", "misunderstood", who | {"field": "symbols[0]"}),
        AuditLine("info", "authentication expired", {"connection": "a"}),
    ]
    assert connected.protocol.audit_lines() == []
