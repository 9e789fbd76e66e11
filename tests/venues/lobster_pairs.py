"""Small pairs of LOBSTER files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

NAME = "AAPL_2012-06-21_34200000_57600000_{}_2.csv"
ABSENT = {"ask": (9999999999, 0), "bid": (-9999999999, 0)}

Message = tuple[float, int, int, int, int, int]
"""Time, type, order, size, price, direction, as in the file."""
Levels = dict[int, int]
"""Price -> size."""


def message_text(messages: Sequence[Message]) -> str:
    return "".join(",".join(str(number) for number in message) + "\n" for message in messages)


def book_text(books: Sequence[tuple[Levels, Levels]], levels: int = 2) -> str:
    """The lines of (bids, asks), cut to so many levels."""
    return "".join(_book_line(*book, levels) for book in books)


def _book_line(bids: Levels, asks: Levels, levels: int) -> str:
    sorted_asks = sorted(asks.items())[:levels]
    sorted_bids = sorted(bids.items(), reverse=True)[:levels]
    sorted_asks += [ABSENT["ask"]] * (levels - len(sorted_asks))
    sorted_bids += [ABSENT["bid"]] * (levels - len(sorted_bids))
    pairs = zip(sorted_asks, sorted_bids, strict=True)
    return ",".join(f"{ask[0]},{ask[1]},{bid[0]},{bid[1]}" for ask, bid in pairs) + "\n"


def write_pair(folder: Path, messages: Sequence[Message], books: Sequence[tuple[Levels, Levels]] | None = None) -> Path:
    """Write the pair under LOBSTER's names and return the message file's path; without books only that."""
    path = folder / NAME.format("message")
    path.write_text(message_text(messages))
    if books is not None:
        (folder / NAME.format("orderbook")).write_text(book_text(books))
    return path
