"""Nautilus Trader reads its catalogue back, and its order books are ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hftlab.book import BookSet
from hftlab.errors import SessionError
from hftlab.events import F_LAST, EventBatch
from hftlab.instruments import BINANCE, BINANCE_USDM, UNIT, Instrument
from hftlab.session import Session, open_session
from hftlab.venues import lobster
from tests.batches import SHARE, Row, make_batch
from tests.book.test_book_set import flow
from tests.protocol.conftest import market_data, symbol, trade
from tests.session.sessions import write_session
from tests.session.test_event_table import write
from tests.shared_data import shared_data

COIN = Instrument("COINUSDT", BINANCE, tick=UNIT // 100, lot=UNIT // 1000, currency="USDT")
FUTURE = Instrument("COINUSDT", BINANCE_USDM, tick=UNIT // 10, lot=UNIT // 1000, currency="USDT")


@pytest.fixture
def nautilus() -> Any:
    return pytest.importorskip("nautilus_trader.persistence.catalog", exc_type=ImportError)


def session_of(folder: Path, batch: EventBatch) -> Session:
    write(folder, [batch])
    return open_session(folder)


def books_along(deltas: list[Any], book_type: str) -> Iterator[tuple[int, list[Any], list[Any]]]:
    """After each event of Nautilus's book: its time, all bids and all asks as (price, size)."""
    from nautilus_trader.model.book import OrderBook
    from nautilus_trader.model.enums import BookType

    book = OrderBook(deltas[0].instrument_id, BookType[book_type])
    for delta in deltas:
        book.apply_delta(delta)
        if delta.flags & F_LAST:
            sides = ([(float(str(one.price)), one.size()) for one in side] for side in (book.bids(), book.asks()))
            yield (delta.ts_event, *sides)


def check_books(batch: EventBatch, deltas: list[Any], book_type: str, every: int = 1) -> int:
    """Compare the books at the end of all that happened up to a time; returns how often."""
    books, done, compared = BookSet(), 0, 0
    along = list(books_along(deltas, book_type))
    for number, (at, bids, asks) in enumerate(along):
        if number % every or (number + 1 < len(along) and along[number + 1][0] == at):
            continue
        stop = int((batch.ts_event <= at).sum())
        books.apply(batch[done:stop])
        done = stop
        own = books[batch.instruments[0]]
        assert bids == [(price, size) for price, size, _ in own.bids(999)]
        assert asks == [(price, size) for price, size, _ in own.asks(999)]
        compared += 1
    return compared


def test_orders(nautilus: Any, tmp_path: Path) -> None:
    """Of a share, with rows that fit no order among them."""
    rows = [row._replace(instrument=0, flags=F_LAST) for row in flow(seed=7, rows=400, levels=9, alive=40)]
    rows += [Row("T", "A", 10**6, 3, F_LAST), Row("T", "N", 10**6, 4, F_LAST)]
    batch = make_batch(rows, (SHARE,))
    assert session_of(tmp_path / "session", batch).to_nautilus(tmp_path / "catalogue") == ["SHARE.NASDAQ"]
    catalogue = nautilus.ParquetDataCatalog(str(tmp_path / "catalogue"))
    (instrument,) = catalogue.instruments()
    assert (type(instrument).__name__, str(instrument.price_increment)) == ("Equity", "0.05")
    deltas = catalogue.order_book_deltas()
    assert deltas[0].ts_init - deltas[0].ts_event == 1_000_000
    assert check_books(batch, deltas, "L3_MBO") > 300
    trades = catalogue.trade_ticks()
    assert [(float(one.price), float(one.size), one.aggressor_side.name) for one in trades] == [
        (50_000.0, 3.0, "SELLER"),
        (50_000.0, 4.0, "NO_AGGRESSOR"),
    ]


@pytest.mark.parametrize(("instrument", "kind"), [(COIN, "CurrencyPair"), (FUTURE, "CryptoPerpetual")])
def test_levels(nautilus: Any, tmp_path: Path, instrument: Instrument, kind: str) -> None:
    rows = [
        Row("M", "B", 10, 5),
        Row("M", "A", 12, 7),
        Row("T", "B", 11, 1, F_LAST, off_tick=instrument.tick // 2),
        Row("C", "A", 12, 0),
        Row("M", "A", 13, 1234),
        Row("R"),
        Row("A", "B", 9, 5),
    ]
    batch = make_batch(rows, (instrument,))
    session_of(tmp_path / "session", batch).to_nautilus(tmp_path / "catalogue", "COINUSDT")
    catalogue = nautilus.ParquetDataCatalog(str(tmp_path / "catalogue"))
    (found,) = catalogue.instruments()
    assert (type(found).__name__, str(found.base_currency), str(found.quote_currency)) == (kind, "COIN", "USDT")
    assert (float(found.price_increment), float(found.size_increment)) == (instrument.tick / UNIT, 0.001)
    assert check_books(batch, catalogue.order_book_deltas(), "L2_MBP") == 6
    (trade_tick,) = catalogue.trade_ticks()
    assert float(trade_tick.price) == 11.5 * instrument.tick / UNIT


def test_messages_where_there_are_no_events(nautilus: Any, tmp_path: Path) -> None:
    second = 10**9
    messages = [market_data(symbol(price=10.0 + at, trades=[trade(9.0)]), symbol("MSFT")) for at in range(3)]
    session = write_session(tmp_path / "s", [((at + 1) * second, one) for at, one in enumerate(messages)])
    assert session.to_nautilus(tmp_path / "catalogue", ["AAPL"]) == ["AAPL.NASDAQ"]
    catalogue = nautilus.ParquetDataCatalog(str(tmp_path / "catalogue"))
    books = list(books_along(catalogue.order_book_deltas(), "L2_MBP"))
    assert [(bids[0][0], asks[0][0]) for _, bids, asks in books] == [(9.0, 11.0), (10.0, 12.0), (11.0, 13.0)]
    assert len(catalogue.trade_ticks()) == 3


def test_a_real_day_of_orders(nautilus: Any, tmp_path: Path) -> None:
    path = shared_data("lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip")
    batch = EventBatch.concat(lobster.read(path))[:30_000]
    session_of(tmp_path / "session", batch).to_nautilus(tmp_path / "catalogue")
    catalogue = nautilus.ParquetDataCatalog(str(tmp_path / "catalogue"))
    assert check_books(batch, catalogue.order_book_deltas(), "L3_MBO", every=50) > 100


def test_a_symbol_that_is_not_there(nautilus: Any, tmp_path: Path) -> None:
    session = session_of(tmp_path / "session", make_batch([Row("M", "B", 10, 5)], (COIN,)))
    with pytest.raises(SessionError, match="COINUSDC"):
        session.to_nautilus(tmp_path / "catalogue", ["COINUSDC"])


def test_without_nautilus_the_error_says_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nautilus_trader", None)
    monkeypatch.setitem(__import__("sys").modules, "nautilus_trader.persistence.catalog", None)
    session = session_of(tmp_path / "session", make_batch([Row("M", "B", 10, 5)], (COIN,)))
    with pytest.raises(ImportError, match="run `pip install nautilus_trader`"):
        session.to_nautilus(tmp_path / "catalogue")
