from __future__ import annotations

from typing import Any

import msgspec
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.protocol import BookDelta, MarketData, Message, OrderBookLevel
from hftlab.protocol.book import Book
from hftlab.protocol.latest_state import LatestState
from hftlab.session.level_changes import CHANGES, CLEARED, SET, TRADED, level_changes
from hftlab.session.table_ids import TableId
from hftlab.session.tables import KEYS, TABLES
from tests.protocol.conftest import level, market_data, symbol, trade

LEVELS = st.dictionaries(st.integers(1, 6), st.integers(1, 3), max_size=5)
SIDE = st.none() | LEVELS


def changes_of(messages: list[Message], name: str = "AAPL") -> pl.DataFrame:
    """The changes of messages that were received a second apart, from the second 1 on."""
    tables: dict[TableId, pl.LazyFrame] = {}
    for table, kind in ((TableId.MARKET_DATA, MarketData), (TableId.MESSAGES, BookDelta)):
        own = [(at, one) for at, one in enumerate(messages) if isinstance(one, kind)]
        columns: dict[str, Any] = {key: [None] * len(own) for key in KEYS}
        columns |= {"message": [at for at, _ in own], "ts_recv": [(at + 1) * 10**9 for at, _ in own]}
        payloads = [msgspec.json.encode(one) for _, one in own]
        tables[table] = TABLES[table].rows(payloads, pl.DataFrame(columns, schema=KEYS)).lazy()
    return level_changes(tables[TableId.MARKET_DATA], tables[TableId.MESSAGES], name)


def sorted_levels(drawn: dict[int, int] | None, *, falling: bool) -> list[OrderBookLevel] | None:
    if drawn is None:
        return None
    return [level(float(price), float(size)) for price, size in sorted(drawn.items(), reverse=falling)]


def check(messages: list[Message]) -> None:
    """After each message the levels that were set, and not removed since, are the book that a client has."""
    changes = changes_of(messages)
    assert changes.schema == CHANGES
    state = LatestState()
    sides: dict[int, dict[float, float]] = {ord("B"): {}, ord("A"): {}}
    for number, message in enumerate(messages):
        state.take_in(message)
        for row in changes.filter(pl.col("message") == number).iter_rows(named=True):
            if row["kind"] == CLEARED:
                for levels in sides.values():
                    levels.clear()
            elif row["kind"] == SET:
                sides[row["side"]].pop(row["price"], None)
                if row["size"]:
                    sides[row["side"]][row["price"]] = row["size"]
        latest = state.latest.get("AAPL")
        book = None if latest is None else Book.of(latest, stale=False)
        bids, asks = ([], []) if book is None else (book.bids(99), book.asks(99))
        assert sorted(sides[ord("B")].items(), reverse=True) == [(one.price, one.size) for one in bids]
        assert sorted(sides[ord("A")].items()) == [(one.price, one.size) for one in asks]


@settings(deadline=None)
@given(st.lists(st.tuples(SIDE, SIDE), max_size=8))
def test_states_differ_in_the_changes(books: list[tuple[dict[int, int] | None, dict[int, int] | None]]) -> None:
    messages = [
        market_data(
            symbol("MSFT"),
            symbol(bids=sorted_levels(bids, falling=True), asks=sorted_levels(asks, falling=False)),
        )
        for bids, asks in books
    ]
    if any(one is not None for pair in books for one in pair):
        check(list(messages))


def delta(bids: dict[float, float], asks: dict[float, float], *, snapshot: bool = False) -> BookDelta:
    sides = [[level(price, size) for price, size in side.items()] for side in (bids, asks)]
    return BookDelta(
        timestamp=1.0, symbol="AAPL", exchange="X", bids=sides[0], asks=sides[1], checksum=0, ts_event=1.5,
        snapshot=snapshot,
    )  # fmt: skip


def test_incremental_books_go_before_states() -> None:
    messages = [
        market_data(symbol(trades=[trade(7.0)])),
        delta({5.0: 1.0}, {6.0: 2.0}, snapshot=True),
        delta({5.0: 0.0, 4.0: 3.0}, {}),
        delta({2.0: 1.0}, {3.0: 1.0}, snapshot=True),
    ]
    check(messages[1:])
    changes = changes_of(list(messages))
    assert changes["kind"].to_list() == [TRADED, CLEARED, SET, SET, SET, SET, CLEARED, SET, SET]
    assert changes["ts_event"].to_list()[1] == 1_500_000
    assert changes["snapshot"].to_list() == [False, True, True, True, False, False, True, True, True]


def test_quotes_are_books_of_one_level() -> None:
    plain = {"bids": None, "asks": None}
    quotes = [symbol(price=10.0, **plain), symbol(price=11.0, **plain), symbol(price=11.0, ask_size=0.0, **plain)]
    rows = changes_of([market_data(one) for one in quotes]).select("message", "side", "price", "size").rows()
    bid, ask = ord("B"), ord("A")
    assert rows == [
        (0, bid, 9.0, 1.0),
        (0, ask, 11.0, 1.0),
        (1, bid, 9.0, 0.0),
        (1, ask, 11.0, 0.0),
        (1, bid, 10.0, 1.0),
        (1, ask, 12.0, 1.0),
        (2, ask, 12.0, 0.0),
    ]


class TestTrades:
    def trades(self, *messages: MarketData) -> list[tuple[int, float]]:
        changes = changes_of(list(messages)).filter(pl.col("kind") == TRADED)
        return changes.select("message", "price").rows()

    def test_all_of_a_message_before_its_levels(self) -> None:
        changes = changes_of([market_data(symbol(trades=[trade(1.0), trade(2.0)]))])
        assert changes["kind"].to_list() == [TRADED, TRADED, SET, SET]
        assert changes["price"].to_list()[:2] == [1.0, 2.0]

    def test_a_repeated_state_repeats_none(self) -> None:
        first = market_data(symbol(trades=[trade(1.0)]))
        assert self.trades(first, market_data(symbol(trades=[trade(1.0)]), snapshot=True)) == [(0, 1.0)]

    def test_without_them_each_new_last_trade_counts(self) -> None:
        states = [symbol(last_trade=trade(1.0)), symbol(last_trade=None), symbol(last_trade=trade(1.0))]
        states += [symbol(last_trade=trade(2.0))]
        assert self.trades(*map(market_data, states)) == [(3, 2.0)]


def test_another_symbol_has_no_changes() -> None:
    assert changes_of([market_data(symbol("MSFT"))]).is_empty()
