"""Binance's market data, captured line by line: `<receive time, ns since 1970 UTC> <JSON>`, gzip or plain."""

from hftlab.venues.binance.reader import BookTickers, Reader, Stats, detect_instrument, read, read_book_tickers

__all__ = ["BookTickers", "Reader", "Stats", "detect_instrument", "read", "read_book_tickers"]
