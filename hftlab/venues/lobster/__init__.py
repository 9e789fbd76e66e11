"""LOBSTER's reconstructed Nasdaq data: a day of one stock's order events, and the order book after each."""

from hftlab.venues.lobster.reader import Books, Halt, Reader, Stats, read, read_books, synthetic

__all__ = ["Books", "Halt", "Reader", "Stats", "read", "read_books", "synthetic"]
