"""The state at any position of a session, and what comes after it."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hftlab.errors import SessionDamaged
from hftlab.protocol import JSON, BookDelta, MarketData, MarketDataSymbol, Message, OrderBookLevel, Trade
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.protocol.latest_state import LatestState
from hftlab.session import SessionWriter, open_session
from hftlab.session.manifest import Manifest
from hftlab.session.parts import Parts
from hftlab.session.reader import Reader
from hftlab.source import Timed
from tests import strategies
from tests.protocol.conftest import level, market_data, symbol, trade
from tests.session.sessions import Received, numbered, receptions, write_session

NAMES = ["AAPL", "MSFT", "TSLA"]


def state_of(messages: Iterable[Message]) -> Mapping[str, MarketDataSymbol]:
    """Apply messages one after the other, as a server does, and return the state."""
    state = LatestState()
    for message in messages:
        state.take_in(message)
    return state.latest


def symbols() -> SearchStrategy[MarketDataSymbol]:
    """Draw symbols with and without the optional fields."""
    prices = st.integers(2, 50).map(float)
    sides: SearchStrategy[list[OrderBookLevel] | None] = st.none() | st.lists(prices.map(level), max_size=3)
    trades: SearchStrategy[Trade | None] = st.none() | prices.map(trade)
    return st.builds(
        lambda name, price, bids, asks, last: symbol(name, price, bids=bids, asks=asks, last_trade=last),
        st.sampled_from(NAMES),
        prices,
        sides,
        sides,
        trades,
    )


def deltas() -> SearchStrategy[BookDelta]:
    levels = st.lists(st.builds(level, st.integers(2, 9).map(float), st.sampled_from([0.0, 1.0, 2.0])), max_size=3)
    return st.builds(
        lambda name, bids, asks, is_snapshot: BookDelta(
            timestamp=1.0,
            symbol=name,
            exchange='"snapshot":true',
            bids=bids,
            asks=asks,
            checksum=0,
            ts_event=2.0,
            snapshot=is_snapshot,
        ),
        st.sampled_from([*NAMES, "ONLY_BOOKS"]),
        levels,
        levels,
        st.booleans(),
    )


def market_messages() -> SearchStrategy[Message]:
    data = st.lists(symbols(), max_size=3).map(lambda some: market_data(*some))
    return st.one_of(data, data, deltas())


def sessions() -> SearchStrategy[list[Received]]:
    """Draw sessions whose times are close together, many of them equal."""
    pairs = st.lists(st.tuples(st.integers(10, 20), market_messages()), max_size=25)
    return pairs.map(lambda drawn: sorted(drawn, key=lambda pair: pair[0]))


class TestState:
    @settings(max_examples=25)
    @given(sessions(), st.lists(st.integers(8, 22), min_size=1, max_size=4), st.sampled_from([None, 1, 700]))
    def test_state_and_rest_are_those_of_the_whole_session(
        self, received: list[Received], positions: list[int], segment_bytes: int | None
    ) -> None:
        """Positions go back and forth over parts of any size; the expectation reads the session from its start."""
        with tempfile.TemporaryDirectory() as folder:
            replay = write_session(Path(folder) / "session", received, segment_bytes=segment_bytes).replay()
            for position in positions:
                state = replay.seek(position)
                assert state_of(state) == state_of(message for at, message in received if at <= position)
                assert replay.advance(100) == [message for at, message in received if at > position]
                assert replay.next_time() is None


class TestWhatIsRead:
    """The state in the middle of a session is found without reading all of it."""

    def test_parts_that_cannot_matter_are_left_alone(self, tmp_path: Path) -> None:
        """Parts that are not needed may even be deleted once their start times are known."""
        whole = market_data(symbol(last_trade=trade(3.0)))
        session = write_session(tmp_path / "s", [(at, whole) for at in range(20)], segment_bytes=1)
        replay = session.replay()
        assert len(session.manifest.tables["market_data"]) == 20
        state = replay.seek(10)
        for number, part in enumerate(session.manifest.tables["market_data"]):
            if number not in (10, 11):
                (session.folder / part.file).unlink()
        assert replay.seek(10) == state == [whole]
        assert replay.next_time() == 11

    def test_a_long_part_is_searched_from_the_position_back(self, tmp_path: Path) -> None:
        """The rare symbol's last row is thousands of rows before the position."""
        received: list[Received] = [(1, market_data(symbol("RARE", 7.0)))]
        received += [(100 + at, market_data(symbol("AAPL", 2.0 + at))) for at in range(10_000)]
        session = write_session(tmp_path / "session", received)
        state = state_of(session.replay().seek(9_099))
        assert (state["RARE"].price, state["AAPL"].price) == (7.0, 9_001.0)

    def test_as_few_messages_as_it_takes(self, tmp_path: Path) -> None:
        whole = market_data(symbol(last_trade=trade(3.0)))
        state = write_session(tmp_path / "s", [(at, whole) for at in range(50)]).replay().seek(30)
        assert len(state) == 1
        assert isinstance(state[0], MarketData)

    def test_a_snapshot_is_found_however_it_is_spelled(self, tmp_path: Path) -> None:
        """A foreign server writes spaces around the colon, and an unknown field with a nested `snapshot`."""
        deltas = [
            BookDelta(
                timestamp=1.0,
                symbol="AAPL",
                exchange="X",
                bids=[level(float(price))],
                asks=[],
                checksum=0,
                ts_event=1.0,
            )
            for price in range(1, 6)
        ]
        deltas[2].snapshot = True
        payloads = [JSON.encode(delta).replace(b'"snapshot":true', b'"snapshot" :\ttrue') for delta in deltas]
        payloads[3] = payloads[3].replace(b'"symbol"', b'"unknown":{"snapshot":true},"symbol"')
        writer = SessionWriter(tmp_path / "session", source={})
        for at, (delta, payload) in enumerate(zip(deltas, payloads, strict=True)):
            writer.append(delta, at, payload=payload)
        writer.close()
        state = open_session(writer.folder).replay().seek(4)
        assert state == [deltas[0], *deltas[2:]]


def plain(item: Message | Timed[Message] | EncodedMarketData) -> Message | Timed[Message]:
    return item.decoded() if isinstance(item, EncodedMarketData) else item


class TestEncoded:
    """Encoded messages, as a server takes them at full speed."""

    @settings(max_examples=30)
    @given(
        receptions(strategies.streamed_messages()),
        st.sampled_from([None, 1, 700]),
        st.lists(st.booleans(), min_size=1, max_size=3),
        st.none() | strategies.nanoseconds(),
    )
    def test_it_is_what_is_recorded(
        self, received: list[Received], segment_bytes: int | None, wanted: list[bool], after: int | None
    ) -> None:
        """Every bit of every message, whenever it is asked for encoded and no more, and from any time on."""
        with tempfile.TemporaryDirectory() as folder:
            session = write_session(Path(folder) / "session", received, segment_bytes=segment_bytes)
            reader = Reader(session.folder, session.manifest)
            expected = list(reader.messages(after))
            turns = itertools.cycle(wanted)
            got = list(reader.messages(after, is_encoded=lambda: next(turns)))
            for one, other in zip(got, expected, strict=True):
                assert (one.number, one.ts_recv, one.account) == (other.number, other.ts_recv, other.account)
                assert plain(one.streamed) == one.item == other.item == other.streamed
                assert one.timed == other.timed
                assert JSON.encode(one.message) == JSON.encode(other.message)

    def test_plain_market_data_is_encoded(self, tmp_path: Path) -> None:
        received: list[Received] = [(at, numbered(at)) for at in range(9000)]
        session = write_session(tmp_path / "session", received)
        reader = Reader(session.folder, session.manifest)
        got = [one.streamed for one in reader.messages(is_encoded=lambda: True)]
        assert all(isinstance(one, EncodedMarketData) for one in got)
        assert [plain(one) for one in got] == [message for _, message in received]
        assert not any(isinstance(one.streamed, EncodedMarketData) for one in reader.messages())

    @pytest.mark.parametrize("is_encoded", [False, True])
    def test_a_value_that_the_protocol_does_not_allow_is_damage(self, tmp_path: Path, *, is_encoded: bool) -> None:
        """In its place: what is before it is still streamed."""
        session = write_session(tmp_path / "session", [(at, numbered(at)) for at in range(1, 10)])
        frame = session.market_data.collect()
        folder = tmp_path / "other"
        folder.mkdir()
        manifest = Manifest(source={}, symbols=session.manifest.symbols, messages=9, started=1, ended=9, complete=True)
        price = pl.when(pl.col("ts_recv") == 6).then(float("nan")).otherwise("price")
        Parts(folder, manifest).add_frame("market_data", frame.with_columns(price=price))
        messages = Reader(folder, manifest).messages(is_encoded=lambda: is_encoded)
        assert [plain(next(messages).streamed) for _ in range(5)] == [numbered(at) for at in range(1, 6)]
        bad = next(messages)
        with pytest.raises(SessionDamaged, match=r"does not allow.*price"):
            _ = bad.streamed
