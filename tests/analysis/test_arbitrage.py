"""Opportunities planted in a session are found, and so is what each latency leaves of them."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from hftlab import analysis
from hftlab.clock import to_milliseconds
from hftlab.instruments import listings
from hftlab.market import ArbitrageDetector, Processor, VenueBook, consolidate
from hftlab.protocol import ArbitrageState
from hftlab.session import Session
from tests.market.dislocations import levels, plant
from tests.market.test_arbitrage import batch_of
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import write_session

STATES, PLANTED = plant(21, steps=600)
LISTINGS = (("AAPL", "NASDAQ", 0.25), ("AAPL:NYSE", "NYSE", 0.0), ("MSFT", "NASDAQ", 0.0), ("MSFT:NYSE", "NYSE", 0.5))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    received = Processor(listings("AAPL")).process(batch_of(STATES))
    return write_session(tmp_path_factory.mktemp("arbitrage") / "session", received)


@pytest.fixture(scope="module")
def found(session: Session) -> pl.DataFrame:
    return analysis.opportunities(session.market_data)


class TestOpportunities:
    def test_are_those_that_were_planted(self, found: pl.DataFrame) -> None:
        assert found["symbol"].unique().to_list() == ["AAPL"]
        columns = found.select("buy_venue", "sell_venue", "opened", "closed", "lifetime").rows()
        assert columns == [(*one[:4], one.closed - one.opened) for one in PLANTED]

    def test_have_exact_edges(self, found: pl.DataFrame) -> None:
        for row, one in zip(found.iter_rows(named=True), PLANTED, strict=True):
            *alive, last = row["steps"]
            assert [(step["after"], step["size"]) for step in alive] == [(after, size) for after, size, _ in one.edges]
            assert [step["edge"] for step in alive] == pytest.approx([float(edge) for *_, edge in one.edges], abs=1e-9)
            assert last == {"after": one.closed - one.opened, "size": 0.0, "edge": 0.0}
            assert (row["size"], row["edge"]) == (alive[0]["size"], alive[0]["edge"])
            assert row["peak_edge"] == max(step["edge"] for step in alive)

    def test_opportunities_open_at_the_end_have_no_lifetime(self, session: Session) -> None:
        cut = session.market_data.filter(pl.col("ts_event") < PLANTED[4].closed)
        rows = analysis.opportunities(cut)
        assert rows["lifetime"].is_null().to_list() == [False] * 4 + [True]

    def test_one_venue_has_no_opportunities(self, session: Session) -> None:
        alone = analysis.opportunities(session.market_data.filter(pl.col("exchange") == "NYSE"))
        assert alone.is_empty()
        assert alone.schema["lifetime"] == pl.Int64()

    def test_quotes_without_levels_are_enough(self, session: Session, found: pl.DataFrame) -> None:
        """The best quotes alone give the same times, and sizes that are no larger."""
        kinds = session.market_data.collect_schema()
        quotes = session.market_data.with_columns(pl.lit(None, kinds[side]).alias(side) for side in ("bids", "asks"))
        shallow = analysis.opportunities(quotes)
        assert shallow.select("opened", "closed").equals(found.select("opened", "closed"))
        assert (shallow["size"] <= found["size"]).all()


class TestCaught:
    @pytest.mark.parametrize("latency", [0, 1, 700_000, 2_000_000, 10**12])
    def test_is_what_was_there_when_the_orders_arrived(self, found: pl.DataFrame, latency: int) -> None:
        rows = analysis.caught(found, latency)
        for row, one in zip(rows.iter_rows(named=True), PLANTED, strict=True):
            there = [(size, edge) for after, size, edge in one.edges if after <= latency]
            size, edge = (0, 0) if latency >= one.closed - one.opened else there[-1]
            assert row["caught_size"] == size
            assert row["caught_edge"] == pytest.approx(float(edge), abs=1e-9)

    def test_cannot_be_before_it_was_seen(self, found: pl.DataFrame) -> None:
        with pytest.raises(ValueError, match="latency must be 0 or more nanoseconds, got -1"):
            analysis.caught(found, -1)


class TestConsolidated:
    def test_is_the_slow_way_row_by_row(self, session: Session) -> None:
        rows = analysis.consolidated(session.market_data).collect()
        books: dict[str, VenueBook] = {}
        assert rows.height == len(STATES)
        for row, state in zip(rows.iter_rows(named=True), STATES, strict=True):
            books[state.venue] = VenueBook(levels(state.bids), levels(state.asks))
            expected = consolidate(books)
            assert (row["ts_event"], row["symbol"], row["state"]) == (state.at, "AAPL", expected.state)
            assert (row["bid"], row["ask"]) == (expected.bid, expected.ask)
            assert row["bid_venue"] == min(expected.bid_venues)
            assert row["ask_venue"] == min(expected.ask_venues)
        assert set(rows["state"]) >= {"normal", "crossed"}

    def test_knows_sides_that_are_not_there(self) -> None:
        frame = pl.LazyFrame(
            {
                "message": [1, 2, 3, 4, 5, 6, 6],
                "ts_event": [1, 2, 3, 4, 5, 7, 6],
                "symbol": ["X", "X:B", "X", "X:B", "X", "X:B", "X"],
                "exchange": ["A", "B", "A", "B", "A", "B", "A"],
                "bid": [9.0, 9.5, 0.0, 10.0, 9.0, 20.0, 19.0],
                "ask": [0.0, 0.0, 10.0, 11.0, 9.9, 22.0, 21.0],
            }
        )
        rows = analysis.consolidated(frame).collect()
        assert rows["state"].to_list() == ["one-sided", "one-sided", "normal", "locked", "crossed", "normal"]
        assert rows["bid_venue"].to_list() == ["A", "B", "B", "B", "B", "B"]
        assert rows["ask_venue"].to_list() == [None, None, "A", "A", "A", "A"]
        assert rows["ts_event"].to_list() == [1, 2, 3, 4, 5, 7]


def test_no_rows_are_no_quotes_and_no_opportunities(session: Session) -> None:
    nothing = session.market_data.filter(symbol="TSLA")
    rows, some = (analysis.consolidated(one).collect() for one in (nothing, session.market_data))
    assert (len(rows), rows.columns) == (0, some.columns)
    assert analysis.opportunities(nothing).is_empty()


def test_messages_of_several_symbols_give_what_a_stream_of_them_gives(tmp_path: Path) -> None:
    """Each message has both listings of two symbols in any order; the live detector is the reference."""
    chance = random.Random(4)
    messages = []
    for time in range(1, 400):
        states = [
            symbol(name, bid=mid - 2.0, ask=mid + 2.0, exchange=venue, bids=None, asks=None, timestamp=time + skew)
            for name, venue, skew in LISTINGS
            for mid in (chance.randint(98, 103),)
        ]
        messages.append((time * 1_000_000, market_data(*chance.sample(states, chance.randint(1, 4)))))
    detector = ArbitrageDetector()
    live = [change for _, message in messages for change in detector.receive(message)]
    found = analysis.opportunities(write_session(tmp_path / "session", messages).market_data)
    opened = [(one.symbol, one.buy_venue, one.edge, one.opened) for one in live if one.state is ArbitrageState.OPEN]
    assert len(opened) > 20
    rows = found.select("symbol", "buy_venue", "edge", "opened").rows()
    assert [(name, venue, edge, to_milliseconds(at)) for name, venue, edge, at in rows] == opened
    changes = found["steps"].list.len().sum()
    assert changes == len(live)
