"""The server's half with plain lists: no socket, no loop, no clock."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hftlab import protocol
from hftlab.errors import MessageParseError, ServerError
from hftlab.protocol import (
    JSON,
    MSGPACK,
    Ack,
    CancelOrder,
    Error,
    Gap,
    Heartbeat,
    MarketData,
    Message,
    Ping,
    Pong,
    Subscribe,
)
from hftlab.protocol.publishing.publisher import Backlog, Publisher, check_publishable
from hftlab.protocol.subscribing.subscriber import Subscriber
from tests.protocol.conftest import LIMITS, MS, level, market_data, receive, symbol, trade

NOW = 5_000 * MS

UPDATE = protocol.PositionUpdate(
    timestamp=1.0,
    symbol="AAPL",
    side=protocol.PositionSide.FLAT,
    **dict.fromkeys(("quantity", "average_price", "current_price", "market_value"), 0.0),
    **dict.fromkeys(("unrealized_pnl", "realized_pnl", "day_pnl"), 0.0),
)


def ask(publisher: Publisher[str], key: str, **fields: Any) -> list[Message]:
    """Send a request as JSON and decode the replies."""
    data = json.dumps({"type": "SUBSCRIBE", "timestamp": 1, "id": "q"} | fields).encode()
    return [protocol.decode(reply) for reply in receive(publisher, key, data, NOW)]


def join(publisher: Publisher[str], key: str, **fields: Any) -> list[Message]:
    publisher.join(key, JSON, NOW)
    return ask(publisher, key, **fields) if fields else []


def sent(publisher: Publisher[str], at: int = 0) -> list[tuple[Any, list[str]]]:
    """What is due by `at` ms: each message with its readers."""
    return [(protocol.decode(payload), list(readers)) for payload, _, readers, _ in publisher.poll(at * MS, NOW)]


def prices(message: MarketData) -> dict[str, float]:
    return {one.symbol: one.price for one in message.symbols}


class TestRequests:
    def test_the_welcome_tells_session_version_limits_and_symbols(self, publisher: Publisher[str]) -> None:
        welcome = protocol.decode(publisher.join("a", JSON, NOW))
        assert isinstance(welcome, Ack)
        assert welcome.message == "Connected to HFT WebSocket Server"
        assert (welcome.session, welcome.version, welcome.connection_id) == ("s", "1.0", "a")
        assert welcome.limits is not None
        assert welcome.limits.max_symbols == 5
        assert welcome.symbols == ["AAPL", "MSFT", "TSLA"]
        assert welcome.timestamp == 5000

    def test_a_subscription_is_acknowledged_with_its_channel(self, publisher: Publisher[str]) -> None:
        (ack,) = join(publisher, "a", symbols=["MSFT", "AAPL"], dataTypes=["QUOTES"], frequency=50)
        assert isinstance(ack, Ack)
        assert (ack.id, ack.message) == ("q", "Subscribed to 2 symbols")
        assert ack.channels is not None
        (channel,) = ack.channels
        assert (channel.symbols, channel.data_types, channel.frequency) == (["AAPL", "MSFT"], ["QUOTES"], 50)

    def test_an_unknown_symbol_is_refused_and_nothing_subscribed(self, publisher: Publisher[str]) -> None:
        (error,) = join(publisher, "a", symbols=["AAPL", "APPL"])
        assert isinstance(error, Error)
        assert (error.id, error.error_type, error.recoverable) == ("q", "SUBSCRIPTION_FAILED", True)
        assert "APPL" in error.message
        assert error.context == {"field": "symbols", "unknown": ["APPL"]}
        assert publisher.channels_of("a") == []

    def test_too_many_symbols_are_refused(self) -> None:
        publisher: Publisher[str] = Publisher(session="s", limits=LIMITS)
        (error,) = join(publisher, "a", symbols=[f"S{n}" for n in range(6)])
        assert isinstance(error, Error)
        assert error.error_type == "SUBSCRIPTION_FAILED"
        assert "at most 5" in error.message

    def test_a_message_that_does_not_decode_is_answered_with_its_id(self, publisher: Publisher[str]) -> None:
        (error,) = join(publisher, "a", symbols=["no symbol "])
        assert isinstance(error, Error)
        assert (error.id, error.error_type) == ("q", "SUBSCRIPTION_FAILED")
        assert error.context == {"field": "symbols[0]"}

    def test_garbage_is_answered_too(self, publisher: Publisher[str]) -> None:
        publisher.join("a", JSON, NOW)
        (reply,) = receive(publisher, "a", b"\xff{", NOW)
        error = protocol.decode(reply)
        assert isinstance(error, Error)
        assert error.id is None

    def test_a_heartbeat_is_answered_with_the_last_sequences(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], frequency=0)
        publisher.publish(market_data(symbol()), 0)
        sent(publisher)
        (ack,) = ask(publisher, "a", type="HEARTBEAT")
        assert isinstance(ack, Ack)
        assert ack.sequences == {1: 1}

    def test_a_heartbeat_tells_the_signed_in_of_private_messages_too(self, publisher: Publisher[str]) -> None:
        join(publisher, "a")
        publisher.publish(UPDATE, 0, "somebody")
        sent(publisher)
        (ack,) = ask(publisher, "a", type="HEARTBEAT")
        assert isinstance(ack, Ack)
        assert ack.sequences == {}
        publisher.authenticate("a", "somebody", NOW)
        (ack,) = ask(publisher, "a", type="HEARTBEAT")
        assert isinstance(ack, Ack)
        assert ack.sequences == {0: 1}

    def test_a_ping_is_answered_with_both_times(self, publisher: Publisher[str]) -> None:
        join(publisher, "a")
        (pong,) = ask(publisher, "a", type="PING", timestamp=4999.5)
        assert isinstance(pong, Pong)
        assert (pong.id, pong.ping_timestamp, pong.received_at) == ("q", 4999.5, 5000)

    def test_the_documents_ping_is_told_by_its_own_id(self, publisher: Publisher[str]) -> None:
        join(publisher, "a")
        (pong,) = ask(publisher, "a", type="PING", pingId="0.k3")
        assert isinstance(pong, Pong)
        assert pong.ping_id == "0.k3"

    def test_what_the_server_does_not_do_is_said(self, publisher: Publisher[str]) -> None:
        join(publisher, "a")
        with pytest.raises(ServerError, match="does not take CANCEL_ORDER"):
            publisher.answer("a", CancelOrder(timestamp=1.0, client_order_id="c"), NOW)

    def test_replies_use_the_connections_encoding(self, publisher: Publisher[str]) -> None:
        publisher.join("a", MSGPACK, NOW)
        (reply,) = receive(publisher, "a", MSGPACK.encode(Ping(timestamp=1.0)), NOW, MSGPACK)
        assert isinstance(MSGPACK.decode(reply), Pong)


class TestChannels:
    def test_equal_subscriptions_share_one_payload(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL", "MSFT"], frequency=0)
        join(publisher, "b", symbols=["MSFT", "AAPL"], frequency=0)
        join(publisher, "c", symbols=["AAPL"], frequency=0)
        publisher.publish(market_data(symbol("AAPL"), symbol("MSFT")), 0)
        readers = sorted(readers for _, readers in sent(publisher))
        assert readers == [["a", "b"], ["c"]]

    def test_a_channel_has_one_sequence_for_both_encodings(self, publisher: Publisher[str]) -> None:
        request = Subscribe(timestamp=1.0, symbols=["AAPL"], frequency=0)
        for key, codec in (("a", JSON), ("b", MSGPACK)):
            publisher.join(key, codec, NOW)
            receive(publisher, key, codec.encode(request), NOW, codec)
        publisher.publish(market_data(symbol()), 0)
        both = {tuple(readers): message for message, readers in sent(publisher)}
        assert both[("a",)] == both[("b",)]
        assert both[("a",)].sequence == 1

    def test_sequences_rise_by_one_for_each_message(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], frequency=0)
        for price in (1.0, 2.0, 3.0):
            publisher.publish(market_data(symbol(price=price)), 0)
        assert [(m.sequence, m.symbols[0].price) for m, _ in sent(publisher)] == [(1, 1.0), (2, 2.0), (3, 3.0)]

    def test_only_subscribed_symbols_are_sent(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL", "TSLA"], frequency=0)
        publisher.publish(market_data(symbol("AAPL", 1.0), symbol("MSFT", 2.0)), 0)
        publisher.publish(market_data(symbol("MSFT", 3.0)), 0)
        assert [prices(m) for m, _ in sent(publisher)] == [{"AAPL": 1.0}]

    def test_the_source_message_is_not_changed(self, publisher: Publisher[str]) -> None:
        """Channels send copies: what a recorder keeps of the source stays as it was."""
        join(publisher, "a", symbols=["AAPL"], dataTypes=["QUOTES"], frequency=0)
        message, copy = market_data(symbol()), market_data(symbol())
        publisher.publish(message, 0)
        sent(publisher)
        assert message == copy

    def test_unsubscribing_ends_the_channel(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], frequency=0)
        ask(publisher, "a", type="UNSUBSCRIBE", symbols=["AAPL"])
        publisher.publish(market_data(symbol()), 0)
        assert sent(publisher) == []
        assert publisher.channels == []

    def test_leaving_ends_the_channel(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], frequency=100)
        publisher.publish(market_data(symbol()), 0)
        publisher.leave("a")
        publisher.leave("a")
        assert publisher.next_time() is None
        assert publisher.channels == []

    def test_who_joins_late_gets_the_state_first(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], frequency=0)
        publisher.publish(market_data(symbol(price=7.0)), 0)
        sent(publisher)
        _, snapshot = join(publisher, "b", symbols=["AAPL"], frequency=0)
        assert isinstance(snapshot, MarketData)
        assert (snapshot.snapshot, snapshot.sequence, snapshot.symbols[0].price) == (True, 1, 7.0)

    def test_private_messages_go_to_their_account_with_a_sequence_of_their_own(self, publisher: Publisher[str]) -> None:
        for key, account in (("a", "somebody"), ("b", "somebody"), ("c", None), ("d", "somebody else")):
            join(publisher, key)
            if account is not None:
                assert publisher.authenticate(key, account, NOW) == []
        publisher.publish(UPDATE, 0, "somebody")
        publisher.publish(UPDATE, 0, "somebody")
        got = sent(publisher)
        assert [(m.type, m.channel, m.sequence, readers) for m, readers in got] == [
            ("POSITION_UPDATE", 0, 1, ["a", "b"]),
            ("POSITION_UPDATE", 0, 2, ["a", "b"]),
        ]
        assert [publisher.private_sequence(account) for account in ("somebody", "somebody else")] == [2, 0]

    def test_a_private_message_needs_an_account(self, publisher: Publisher[str]) -> None:
        with pytest.raises(ValueError, match="say whose it is"):
            publisher.publish(UPDATE, 0)

    def test_what_waits_goes_to_those_who_are_signed_in_when_it_is_sent(self, publisher: Publisher[str]) -> None:
        """A message that is published before somebody signs in as another account is not for that connection."""
        for key, account in (("a", "somebody"), ("b", "somebody else")):
            join(publisher, key)
            publisher.authenticate(key, account, NOW)
        publisher.publish(UPDATE, 0, "somebody")
        publisher.authenticate("a", "somebody else", NOW)
        publisher.authenticate("b", "somebody", NOW)
        assert [readers for _, readers in sent(publisher)] == [["b"]]
        publisher.deauthenticate("b")
        publisher.publish(UPDATE, 0, "somebody")
        assert sent(publisher) == []


class TestSlowReaders:
    def test_a_congested_reader_skips_state_and_then_gets_the_newest(self, publisher: Publisher[str]) -> None:
        join(publisher, "slow", symbols=["AAPL"], frequency=0)
        join(publisher, "fast", symbols=["AAPL"], frequency=0)
        assert publisher.set_backlog("slow", Backlog.CONGESTED, NOW) == []
        for price in (1.0, 2.0, 3.0):
            publisher.publish(market_data(symbol(price=price)), 0)
        assert [readers for _, readers in sent(publisher)] == [["fast"]] * 3
        (payload,) = publisher.set_backlog("slow", Backlog.NONE, NOW)
        caught_up = protocol.decode(payload)
        assert isinstance(caught_up, MarketData)
        assert (caught_up.snapshot, caught_up.sequence, caught_up.symbols[0].price) == (True, 3, 3.0)
        assert publisher.conflated == 3
        publisher.publish(market_data(symbol(price=4.0)), 0)
        ((message, readers),) = sent(publisher)
        assert (message.sequence, sorted(readers)) == (4, ["fast", "slow"])

    def test_a_congested_reader_still_gets_events(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], dataTypes=["TRADES", "QUOTES"], frequency=0)
        publisher.set_backlog("a", Backlog.CONGESTED, NOW)
        publisher.publish(market_data(symbol(trades=[trade(1.0)])), 0)
        assert [readers for _, readers in sent(publisher)] == [["a"]]

    def test_a_full_reader_is_told_of_the_events_it_lost(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], dataTypes=["TRADES", "QUOTES"], frequency=0)
        publisher.publish(market_data(symbol(trades=[trade(1.0)])), 0)
        sent(publisher)
        publisher.set_backlog("a", Backlog.FULL, NOW)
        for price in (2.0, 3.0):
            publisher.publish(market_data(symbol(price=price, trades=[trade(price)])), 0)
        assert sent(publisher) == []
        gap, snapshot = (protocol.decode(payload) for payload in publisher.set_backlog("a", Backlog.NONE, NOW))
        assert isinstance(gap, Gap)
        assert (gap.channel, gap.from_sequence, gap.to_sequence) == (1, 2, 3)
        assert isinstance(snapshot, MarketData)
        assert (snapshot.sequence, snapshot.symbols[0].price) == (3, 3.0)
        assert publisher.gaps == 1

    def test_catching_up_with_nothing_missed_sends_nothing(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], frequency=0)
        publisher.set_backlog("a", Backlog.CONGESTED, NOW)
        assert publisher.set_backlog("a", Backlog.NONE, NOW) == []
        assert publisher.conflated == 0

    def test_subscribing_while_congested_waits_too(self, publisher: Publisher[str]) -> None:
        publisher.join("a", JSON, NOW)
        publisher.set_backlog("a", Backlog.CONGESTED, NOW)
        ask(publisher, "a", symbols=["AAPL"], frequency=0)
        publisher.publish(market_data(symbol()), 0)
        assert sent(publisher) == []
        assert len(publisher.set_backlog("a", Backlog.NONE, NOW)) == 1


class TestMissingData:
    """Symbols whose data is missing in the source, from its GAP to their next message."""

    GAP = Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason="the venue is away", symbols=["AAPL"])

    def test_a_later_subscriber_is_told_and_gets_no_old_state(self, publisher: Publisher[str]) -> None:
        publisher.publish(market_data(symbol(), symbol("MSFT")), 0)
        publisher.publish(self.GAP, 0)
        ack, gap, snapshot = join(publisher, "late", symbols=["AAPL", "MSFT"], frequency=0)
        assert isinstance(gap, Gap)
        assert (gap.reason, gap.symbols, gap.sequence) == ("the venue is away", ["AAPL"], 0)
        assert isinstance(snapshot, MarketData)
        assert list(prices(snapshot)) == ["MSFT"]
        subscriber = Subscriber()
        losses = [loss for message in (ack, gap, snapshot) for loss in subscriber.receive(message)]
        assert [loss.reason for loss in losses] == ["gap"]
        assert subscriber.latest("AAPL") is None
        publisher.publish(market_data(symbol(price=7.0)), 0)
        ((message, _),) = sent(publisher)
        assert subscriber.receive(message) == []
        assert getattr(subscriber.latest("AAPL"), "price", None) == 7.0
        assert len(join(publisher, "later", symbols=["AAPL"], frequency=0)) == 2

    def test_all_of_a_channel_may_be_missing(self, publisher: Publisher[str]) -> None:
        publisher.publish(Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason="not yet"), 0)
        _, gap = join(publisher, "late", symbols=["AAPL", "MSFT"])
        assert isinstance(gap, Gap)
        assert gap.symbols is None

    def test_a_paced_message_leaves_them_out(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL", "MSFT"], frequency=100)
        publisher.publish(market_data(symbol(), symbol("MSFT")), 0)
        sent(publisher)
        publisher.publish(self.GAP, 0)
        publisher.publish(market_data(symbol("MSFT", price=3.0)), 0)
        (gap, _), (message, _) = sent(publisher, 1000)
        assert isinstance(gap, Gap)
        assert prices(message) == {"MSFT": 3.0}
        publisher.publish(market_data(symbol(price=4.0)), 1000 * MS)
        ((message, _),) = sent(publisher, 2000)
        assert prices(message) == {"AAPL": 4.0, "MSFT": 3.0}

    def test_a_reader_that_has_skipped_the_gap_is_told_when_it_has_caught_up(self, publisher: Publisher[str]) -> None:
        subscriber = Subscriber()
        for message in join(publisher, "slow", symbols=["AAPL", "MSFT"], frequency=0):
            subscriber.receive(message)
        publisher.publish(market_data(symbol(), symbol("MSFT")), 0)
        ((message, _),) = sent(publisher)
        subscriber.receive(message)
        publisher.set_backlog("slow", Backlog.CONGESTED, NOW)
        publisher.publish(self.GAP, 0)
        publisher.publish(market_data(symbol("MSFT", price=3.0)), 0)
        assert sent(publisher) == []
        gap, snapshot = (protocol.decode(payload) for payload in publisher.set_backlog("slow", Backlog.NONE, NOW))
        assert isinstance(gap, Gap)
        assert (gap.symbols, gap.from_sequence, gap.to_sequence) == (["AAPL"], 2, 3)
        assert isinstance(snapshot, MarketData)
        assert prices(snapshot) == {"MSFT": 3.0}
        assert [loss.reason for loss in (*subscriber.receive(gap), *subscriber.receive(snapshot))] == ["gap"]
        assert getattr(subscriber.latest("MSFT"), "price", None) == 3.0


def test_requests_of_an_unknown_connection_are_a_mistake_of_the_caller(publisher: Publisher[str]) -> None:
    with pytest.raises(KeyError):
        receive(publisher, "nobody", JSON.encode(Heartbeat(timestamp=1.0)), NOW)


class TestPublished:
    def test_what_is_no_stream_is_left_out(self, publisher: Publisher[str]) -> None:
        """As in the recording of a client, which has the server's answers as well."""
        join(publisher, "a")
        publisher.authenticate("a", "somebody", NOW)
        for message in (Heartbeat(timestamp=1.0), Ack(timestamp=1.0, message="Subscribed"), Ping(timestamp=1.0)):
            publisher.publish(message, 0)
            with pytest.raises(MessageParseError, match=r"cannot be published: a server publishes MARKET_DATA, .*POS"):
                check_publishable(message)
        assert sent(publisher) == []
        assert publisher.published == 0
        check_publishable(UPDATE)

    def test_a_message_without_all_parts_is_sent_with_those_known(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], dataTypes=["ORDER_BOOK"], frequency=0)
        publisher.publish(market_data(symbol(bids=[level(9.0)], asks=[level(11.0)])), 0)
        publisher.publish(market_data(symbol(bids=[level(9.5)], asks=None)), 0)
        publisher.publish(market_data(symbol(bids=None, asks=[level(10.5)])), 0)
        books = [(message.symbols[0].bids, message.symbols[0].asks) for message, _ in sent(publisher)]
        assert books == [
            ([level(9.0)], [level(11.0)]),
            ([level(9.5)], [level(11.0)]),
            ([level(9.5)], [level(10.5)]),
        ]


class TestNotPublic:
    def test_who_has_not_signed_in_is_told_of_nothing_but_the_end(self) -> None:
        publisher: Publisher[str] = Publisher(session="s", limits=LIMITS, symbols=["AAPL"], public=False)
        welcome = protocol.decode(publisher.join("a", JSON, NOW))
        assert isinstance(welcome, Ack)
        assert welcome.symbols is None
        publisher.join("b", JSON, NOW)
        assert publisher.offered_to("b") is None
        publisher.authenticate("b", "somebody", NOW)
        assert publisher.offered_to("b") == ["AAPL"]
        status = protocol.ReplayStatus(timestamp=1.0, state=protocol.ReplayState.PAUSED, position=5.0)
        assert [one.readers for one in publisher.notify(status, NOW)] == [["b"]]
        end = protocol.ServerShutdown(timestamp=1.0, message="")
        assert [one.readers for one in publisher.notify(end, NOW)] == [["a", "b"]]


class TestPrivate:
    def test_what_was_missed_follows_a_reconnection(self, publisher: Publisher[str]) -> None:
        join(publisher, "a")
        publisher.authenticate("a", "somebody", NOW)
        for _ in range(3):
            publisher.publish(UPDATE, 0, "somebody")
        assert len(sent(publisher)) == 3
        publisher.leave("a")
        join(publisher, "b")
        missed = publisher.authenticate("b", "somebody", NOW, session="s", resume_from=1)
        assert [protocol.decode(payload).sequence for payload in missed] == [2, 3]

    def test_rights_end_with_deauthentication(self, publisher: Publisher[str]) -> None:
        join(publisher, "a")
        publisher.authenticate("a", "somebody", NOW)
        publisher.deauthenticate("a")
        publisher.deauthenticate("nobody")
        publisher.publish(UPDATE, 0, "somebody")
        assert sent(publisher) == []


class TestPolicies:
    def test_trades_asked_for_later_leave_the_state_conflated(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], dataTypes=["QUOTES"], frequency=0)
        ask(publisher, "a", symbols=["AAPL"], dataTypes=["TRADES"], frequency=0)
        publisher.set_backlog("a", Backlog.CONGESTED, NOW)
        for price in (1.0, 2.0):
            publisher.publish(market_data(symbol(price=price, trades=[trade(price)])), 0)
        got = [message.symbols[0] for message, _ in sent(publisher)]
        assert [one.trades for one in got] == [[trade(1.0)], [trade(2.0)]]
        (snapshot,) = (protocol.decode(payload) for payload in publisher.set_backlog("a", Backlog.NONE, NOW))
        assert isinstance(snapshot, MarketData)
        assert prices(snapshot) == {"AAPL": 2.0}
        assert (publisher.conflated, publisher.gaps) == (2, 0)

    def test_events_can_be_conflated_on_request(self, publisher: Publisher[str]) -> None:
        """A reader that prefers the newest to the complete: no GAP, and the messages skipped are counted."""
        join(publisher, "a", symbols=["AAPL"], dataTypes=["QUOTES", "TRADES"], frequency=0, slowConsumer="CONFLATE")
        publisher.set_backlog("a", Backlog.CONGESTED, NOW)
        for price in (1.0, 2.0):
            publisher.publish(market_data(symbol(price=price, trades=[trade(price)])), 0)
        assert sent(publisher) == []
        (snapshot,) = (protocol.decode(payload) for payload in publisher.set_backlog("a", Backlog.NONE, NOW))
        assert snapshot.symbols[0].price == 2.0
        assert (publisher.conflated, publisher.gaps) == (2, 0)

    def test_state_can_be_gapped_on_request(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], dataTypes=["QUOTES"], frequency=0, slowConsumer="GAP")
        publisher.set_backlog("a", Backlog.CONGESTED, NOW)
        publisher.publish(market_data(symbol()), 0)
        assert len(sent(publisher)) == 1
        publisher.set_backlog("a", Backlog.FULL, NOW)
        publisher.publish(market_data(symbol()), 0)
        assert sent(publisher) == []
        told = [protocol.decode(payload).type for payload in publisher.set_backlog("a", Backlog.NONE, NOW)]
        assert told == ["GAP", "MARKET_DATA"]

    def test_a_subscription_may_ask_to_be_disconnected(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"])
        assert not publisher.is_unforgiving("a")
        ask(publisher, "a", symbols=["MSFT"], slowConsumer="DISCONNECT")
        assert publisher.is_unforgiving("a")
        assert not publisher.is_unforgiving("nobody")


class TestGapsOfTheSource:
    """A source tells where its own market data is missing: every channel that has the symbols declares it."""

    def gap(self, *symbols: str) -> Gap:
        named = list(symbols) or None
        return Gap(timestamp=1.0, from_sequence=0, to_sequence=0, reason="disconnect", symbols=named)

    def test_each_channel_numbers_its_own(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL", "MSFT"], frequency=0)
        join(publisher, "b", symbols=["AAPL"], frequency=0)
        join(publisher, "c", symbols=["MSFT"], frequency=0)
        publisher.publish(market_data(symbol("AAPL"), symbol("MSFT")), 0)
        sent(publisher)
        publisher.publish(self.gap("AAPL"), 1)
        found = {readers[0]: gap for gap, readers in sent(publisher)}
        assert set(found) == {"a", "b"}
        assert {key: (gap.sequence, gap.from_sequence, gap.to_sequence) for key, gap in found.items()} == {
            "a": (2, 2, 2),
            "b": (2, 2, 2),
        }
        assert (found["a"].symbols, found["b"].symbols) == (["AAPL"], None)
        assert found["a"].reason == "disconnect"
        publisher.publish(market_data(symbol("AAPL")), 2)
        assert [message.sequence for message, readers in sent(publisher) if readers == ["a"]] == [3]

    def test_without_symbols_it_is_about_all(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], frequency=0)
        join(publisher, "b", symbols=["MSFT"], frequency=0)
        publisher.publish(self.gap(), 1)
        assert sorted(readers for _, readers in sent(publisher)) == [["a"], ["b"]]
        assert publisher.published == 0, "a gap is not a message of the source"

    def test_what_waits_for_its_pace_goes_out_before(self, publisher: Publisher[str]) -> None:
        join(publisher, "a", symbols=["AAPL"], frequency=1000, dataTypes=["QUOTES", "TRADES"])
        publisher.publish(market_data(symbol("AAPL", 5.0)), 0)
        sent(publisher)
        publisher.publish(market_data(symbol("AAPL", 6.0, trades=[trade(6.0)])), 10 * MS)
        publisher.publish(self.gap("AAPL"), 20 * MS)
        (before, _), (gap, _) = sent(publisher, 20)
        assert prices(before) == {"AAPL": 6.0}
        assert len(before.symbols[0].trades) == 1
        assert isinstance(gap, Gap)
        assert gap.sequence == before.sequence + 1
        assert publisher.next_time() is None

    def test_a_subscriber_has_only_the_named_symbols_stale(self, publisher: Publisher[str]) -> None:
        subscriber = Subscriber()
        for reply in join(publisher, "a", symbols=["AAPL", "MSFT"], frequency=0):
            subscriber.receive(reply)
        subscriber.wanted.add(["AAPL", "MSFT"], None, 0)
        publisher.publish(market_data(symbol("AAPL"), symbol("MSFT")), 0)
        publisher.publish(self.gap("MSFT"), 1)
        for message, _ in sent(publisher):
            subscriber.receive(message)
        assert subscriber.stale_symbols() == {"MSFT"}

    def test_it_cannot_be_published_by_hand(self) -> None:
        with pytest.raises(MessageParseError, match="GAP cannot be published"):
            check_publishable(self.gap())
