"""Recording is lossless: a replay yields exactly what was received."""

from __future__ import annotations

import itertools
import random
import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.clock import from_milliseconds, to_milliseconds
from hftlab.errors import SessionDamaged
from hftlab.protocol import (
    JSON,
    Ack,
    Heartbeat,
    MarketData,
    MarketDataSymbol,
    Message,
    OrderBookLevel,
    OrderUpdate,
    PortfolioUpdate,
    Side,
    Trade,
)
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.session import Session, SessionWriter, open_session
from hftlab.session.table_ids import TableId
from hftlab.source import Seekable, Timed, timed
from tests import strategies
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import Received, numbered, receptions, replayed, write_session
from tests.session.test_tables import ORDER

SECOND = 1_000_000_000


def wire(received: list[Received]) -> list[tuple[int, bytes]]:
    """Encode messages for a comparison that tells 0.0 from -0.0, and an integer from its float."""
    return [(at, JSON.encode(message)) for at, message in received]


def through_disk(received: list[Received], segment_bytes: int | None = 300) -> list[Received]:
    with tempfile.TemporaryDirectory() as folder:
        return replayed(write_session(Path(folder) / "session", received, segment_bytes=segment_bytes))


class TestEverything:
    @settings(max_examples=30)
    @given(receptions(strategies.streamed_messages()))
    def test_a_replay_yields_what_was_received_at_the_time_it_was(self, received: list[Received]) -> None:
        """Several parts, every message in order and every bit of it."""
        got = through_disk(received)
        assert got == received
        assert wire(got) == wire(received)

    @settings(max_examples=20)
    @given(receptions(strategies.messages()))
    def test_every_message_is_in_exactly_one_table(self, received: list[Received]) -> None:
        """Message numbers are unique over the tables. Types that a replay does not stream keep their JSON."""
        with tempfile.TemporaryDirectory() as folder:
            session = write_session(Path(folder) / "session", received, segment_bytes=300)
            numbers = [n for table in TableId for n in session.table(table.folder).collect()["message"].unique()]
            others = session.messages.collect()
        assert sorted(numbers) == list(range(len(received)))
        assert session.manifest.messages == len(received)
        for number, ts_recv, kind, payload in others["message", "ts_recv", "type", "payload"].iter_rows():
            at, message = received[number]
            assert (ts_recv, kind, payload.encode()) == (at, message.type, JSON.encode(message))

    @settings(max_examples=20)
    @given(st.lists(strategies.of(OrderUpdate, timestamp=strategies.any_timestamps()), min_size=1, max_size=5))
    def test_a_time_finer_than_a_nanosecond_becomes_the_nearest(self, updates: list[OrderUpdate]) -> None:
        """A foreign server may send such times; the session must still replay."""
        for (_, got), update in zip(through_disk([(1, update) for update in updates]), updates, strict=True):
            assert isinstance(got, OrderUpdate)
            if to_milliseconds(from_milliseconds(update.timestamp)) == update.timestamp:
                assert got.timestamp == update.timestamp
            else:
                assert got.timestamp == pytest.approx(update.timestamp, rel=1e-15, abs=1e-6)

    def test_floats_keep_every_bit(self) -> None:
        """Ten thousand doubles, of any exponent and like prices, go through columns, structs and lists."""
        chance = random.Random(7)
        anything = (struct.unpack("<d", chance.randbytes(8))[0] for _ in range(12_000))
        doubles = [value for value in anything if abs(value) <= 1e15] + [
            round(chance.uniform(0, 1e6), digits) for digits in range(9) for _ in range(500)
        ]
        received: list[Received] = []
        for at in range(0, len(doubles) - 4, 4):
            change, size, bid, price = doubles[at : at + 4]
            one = symbol(change=change, bid_size=abs(size))
            one.bids = [OrderBookLevel(price=abs(bid), size=abs(size), orders=at)] * 2
            one.last_trade = Trade(price=abs(price) or 1.0, size=abs(size), timestamp=at + 0.125, side=Side.BUY)
            received.append((at, market_data(one)))
        assert len(received) > 2500
        assert wire(through_disk(received, None)) == wire(received)

    @pytest.mark.parametrize("symbols", [0, 1, 300])
    def test_a_part_longer_than_a_slice_is_cut_between_messages(self, symbols: int) -> None:
        """A part is read some thousand rows at a time."""
        names = [symbol(f"S{number}", 2.0 + number) for number in range(symbols)]
        received: list[Received] = [(at, market_data(*names, id=str(at))) for at in range(9000 // max(1, symbols))]
        assert through_disk(received, None) == received

    def test_a_long_text_survives(self) -> None:
        text = "\u2028\n\r\t\x00\"\\' 行情 🚀 " * 20_000
        received: list[Received] = [(1, market_data(symbol(exchange=text), id=text)), (2, numbered(1))]
        assert through_disk(received) == received


class TestSource:
    def test_a_replay_shows_what_it_streams(self, tmp_path: Path) -> None:
        session = write_session(tmp_path / "session", [(at * SECOND, numbered(at)) for at in range(1, 4)])
        assert repr(session.replay(speed=10)) == f"Replay({session.replay().name!r}: symbols: 1, 2.0 s, speed 10)"

    @pytest.fixture
    def session(self, tmp_path: Path) -> Session:
        times = [10 * SECOND, 10 * SECOND, 12 * SECOND, 15 * SECOND]
        return write_session(tmp_path / "abc", [(at, numbered(n)) for n, at in enumerate(times)])

    def test_it_says_what_it_is(self, session: Session) -> None:
        """A server reads these attributes before the first message."""
        source = session.replay()
        assert (source.name, source.symbols, source.recorded) == ("abc", ["AAPL"], True)

    def test_advance_yields_what_is_due_and_no_more(self, session: Session) -> None:
        """`until` is included, and no message comes twice."""
        source = session.replay()
        assert source.advance(10 * SECOND - 1) == []
        assert source.next_time() == 10 * SECOND
        assert source.advance(12 * SECOND) == [numbered(0), numbered(1), numbered(2)]
        assert source.next_time() == 15 * SECOND
        assert source.advance(20 * SECOND) == [numbered(3)]
        assert source.next_time() is None
        assert source.advance(30 * SECOND) == []

    def test_the_clock_starts_at_the_first_message_and_runs_at_the_speed(self, session: Session) -> None:
        assert session.replay(float("inf")).clock.now() == 10 * SECOND
        source = session.replay(4)
        source.clock.pause()
        source.clock.set(11 * SECOND)
        assert source.clock.speed == 4
        assert session.duration == 5.0

    def test_a_speed_that_is_not_above_0_is_refused(self, session: Session) -> None:
        for speed in (0.0, -1.0, float("nan")):
            with pytest.raises(ValueError, match="above 0"):
                session.replay(speed)

    def test_messages_come_in_the_order_they_were_received_across_tables(self, tmp_path: Path) -> None:
        """Messages with equal times keep their order."""
        update = PortfolioUpdate(
            timestamp=1.0,
            **dict.fromkeys(["total_value", "cash", "market_value", "buying_power"], 1.0),
            **dict.fromkeys(["unrealized_pnl", "realized_pnl", "day_pnl"], 1.0),
        )
        empty = MarketData(timestamp=5.0, symbols=[])
        messages: list[Message] = [numbered(0), update, numbered(1), empty, update, empty, numbered(2)]
        received = [(7, message) for message in messages]
        assert replayed(write_session(tmp_path / "session", received, segment_bytes=700)) == received

    def test_replies_and_control_messages_are_kept_and_not_streamed(self, tmp_path: Path) -> None:
        """A server that streams a replay sends its own replies."""
        kept: list[Message] = [Heartbeat(timestamp=1.0), Ack(timestamp=1.0, message="hello")]
        session = write_session(tmp_path / "session", [(1, message) for message in [*kept, numbered(1)]])
        assert replayed(session) == [(1, numbered(1))]
        assert session.messages.collect()["type"].to_list() == ["HEARTBEAT", "ACK"]

    def test_a_session_without_messages_is_a_source_at_its_end(self, tmp_path: Path) -> None:
        source = write_session(tmp_path / "session", []).replay()
        assert source.next_time() is None
        assert source.advance(SECOND) == []

    def test_damage_shows_before_the_first_message(self, session: Session) -> None:
        """All parts are verified first, so that a replay does not fail in the middle."""
        part = session.folder / session.manifest.tables["market_data"][0].file
        part.write_bytes(part.read_bytes()[:-1])
        with pytest.raises(SessionDamaged):
            session.replay()


class TestEncoded:
    """Market data as a server takes it at full speed."""

    @settings(max_examples=8)
    @given(receptions(strategies.streamed_messages()), st.lists(st.booleans(), min_size=1, max_size=4))
    def test_calls_of_both_kinds_yield_what_was_received(self, received: list[Received], kinds: list[bool]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            replay = write_session(Path(folder) / "session", received, segment_bytes=300).replay(float("inf"))
            turns = itertools.cycle(kinds)
            got: list[Received] = []
            while replay.is_ready(None) and (at := replay.next_time()) is not None:
                due: list[Any] = replay.advance_encoded(at) if next(turns) else replay.advance_ready(at)
                plain = [one.decoded() if isinstance(one, EncodedMarketData) else one for one in due]
                got += [(item.at, item.message) for item in timed(plain, at)]
            assert wire(got) == wire(received)

    def test_what_is_read_after_the_first_call_is_encoded_until_another_asks(self, tmp_path: Path) -> None:
        """At most what waits had been read before; seeks and steps decode."""
        received: list[Received] = [(at, numbered(at)) for at in range(1, 20_001)]
        replay = write_session(tmp_path / "session", received).replay(float("inf"))
        kinds, got = [], []
        while replay.is_ready(None) and (at := replay.next_time()) is not None:
            for one in replay.advance_encoded(at) if at <= 10_000 else replay.advance_ready(at):
                kinds.append(isinstance(one, EncodedMarketData))
                got.append(one.decoded() if isinstance(one, EncodedMarketData) else one)
        assert got == [message for _, message in received]
        assert not kinds[0]
        assert kinds[9_999]
        assert not any(kinds[10_000:])
        assert replay.seek(5) == [numbered(5)]
        assert replay.take(1) == [Timed(6, numbered(6))]
        replay.close()


class TestSeekable:
    def test_it_is_seekable(self, tmp_path: Path) -> None:
        session = write_session(tmp_path / "session", [(10, numbered(0)), (12, numbered(1))])
        replay = session.replay()
        assert isinstance(replay, Seekable)
        assert replay.span == (10, 12)
        assert write_session(tmp_path / "empty", []).replay().span is None

    def test_a_session_without_messages_can_be_sought_in(self, tmp_path: Path) -> None:
        replay = write_session(tmp_path / "session", []).replay()
        assert replay.seek(5) == []
        assert replay.next_time() is None

    def test_taking_messages_does_not_look_at_their_times(self, tmp_path: Path) -> None:
        replay = write_session(tmp_path / "session", [(at, numbered(at)) for at in (10, 10, 12)]).replay()
        assert replay.take(2) == [Timed(10, numbered(10)), Timed(10, numbered(10))]
        assert replay.next_time() == 12
        assert replay.take(5) == [Timed(12, numbered(12))]
        assert replay.take(1) == []

    def test_the_clock_is_left_alone(self, tmp_path: Path) -> None:
        replay = write_session(tmp_path / "session", [(at, numbered(at)) for at in (10, 12)]).replay(float("inf"))
        replay.seek(11)
        assert replay.clock.now() == 10

    def test_private_messages_have_their_account_and_public_ones_are_bare(self, tmp_path: Path) -> None:
        """advance() yields public messages bare; take() gives each message its time."""
        writer = SessionWriter(tmp_path / "session", source={})
        writer.append(numbered(0), 10, account="alice")
        for account in ("alice", "bob", None):
            writer.append(ORDER, 11, account=account)
        writer.close()
        session = open_session(writer.folder)
        private = [Timed(11, ORDER, account) for account in ("alice", "bob", None)]
        assert session.replay().advance(11) == [numbered(0), *private]
        assert session.replay().take(4) == [Timed(10, numbered(0)), *private]

    def test_a_seek_returns_public_messages_only(self, tmp_path: Path) -> None:
        replay = write_session(tmp_path / "session", [(10, ORDER), (11, numbered(1)), (12, ORDER)]).replay()
        assert replay.seek(11) == [numbered(1)]
        assert replay.advance(12) == [Timed(12, ORDER)]


def test_a_symbol_keeps_what_is_empty_apart_from_what_is_absent() -> None:
    """An empty list is an empty side of the book; None means that the subscription did not include it."""
    variants: list[list[MarketDataSymbol]] = [
        [symbol(bids=bids, asks=asks, trades=trades)]
        for bids in ([], None)
        for asks in ([], None)
        for trades in ([], None)
    ]
    received: list[Received] = [(at, market_data(*symbols)) for at, symbols in enumerate(variants)]
    assert wire(through_disk(received)) == wire(received)
