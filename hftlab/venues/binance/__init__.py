"""Binance's market data, captured line by line: `<receive time, ns since 1970 UTC> <JSON>`, gzip or plain."""

from hftlab.venues.binance.reader import (
    BookTickers,
    Encoder,
    Reader,
    Stats,
    detect_instrument,
    read,
    read_book_tickers,
    write,
)

__all__ = ["BookTickers", "Encoder", "Reader", "Stats", "detect_instrument", "read", "read_book_tickers", "write"]
