"""Rebuild order books from a venue's capture.

The capture is a TotalView-ITCH file that the simulated exchange makes, so the truth is known: the books that come out
of the file are those of the exchange's own matching engine.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import hftlab as hl
from hftlab.ingest import exchange_on, record_simulation

SYMBOLS = ["AAPL", "MSFT"]


def main(folder: Path) -> None:
    capture = folder / "day.itch"
    exchange = exchange_on("2026-01-02", seed=7, symbols=SYMBOLS)
    made = record_simulation(exchange, 5, folder / "day", itch_path=capture)
    print(f"{made.events:,} events, {capture.stat().st_size:,} bytes of ITCH")

    books = hl.book.BookSet()
    for batch in hl.venues.itch.read(capture):
        books.apply(batch)

    for symbol in SYMBOLS:
        assert books[symbol].bids(10) == exchange.books[symbol].bids(10)
        assert books[symbol].asks(10) == exchange.books[symbol].asks(10)
        print(symbol, books[symbol].bids(1), books[symbol].asks(1))
    assert not books.anomalies


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        main(Path(folder))
