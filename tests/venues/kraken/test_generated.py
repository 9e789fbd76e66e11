"""Sessions made by a slow, obvious venue that knows its whole book and tells a subscriber of three levels."""

from __future__ import annotations

import tempfile
import zlib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.venues import kraken
from tests.venues.kraken_captures import CONNECTION, PAIR, snapshot, update, write_capture

DEPTH = 3
BID, ASK = 0, 1

Side = dict[str, str]

changes = st.lists(
    st.tuples(st.sampled_from([BID, ASK]), st.integers(1, 8), st.integers(0, 3)), min_size=1, max_size=40
)


def price_of(side: int, distance: int) -> str:
    """The best bid is 100.9, the best ask 101.1."""
    tenths = 1010 - distance if side == BID else 1010 + distance
    return f"{tenths // 10}.{tenths % 10}"


def best(book: list[Side], side: int, depth: int) -> Side:
    return dict(sorted(book[side].items(), key=lambda level: float(level[0]), reverse=side == BID)[:depth])


def told_checksum(book: list[Side]) -> int:
    """As Kraken says it: texts without their point and leading zeros."""
    levels = [*best(book, ASK, 10).items(), *best(book, BID, 10).items()]
    return zlib.crc32("".join(text.replace(".", "").lstrip("0") for level in levels for text in level).encode())


@settings(max_examples=80)
@given(changes, st.integers(1, 50))
def test_every_checksum_matches_though_levels_come_and_go(happened: list[tuple[int, int, int]], chunk: int) -> None:
    """A level that comes back into the depth is told again; one that falls out is not told at all."""
    book: list[Side] = [{price_of(side, 1): "5.00"} for side in (BID, ASK)]
    messages = [snapshot(book[BID], book[ASK], depth=DEPTH)]
    for side, distance, size in happened:
        price, before = price_of(side, distance), best(book, side, DEPTH)
        book[side].pop(price, None)
        if size:
            book[side][price] = f"{size}.25"
        after = best(book, side, DEPTH)
        told = {one: after[one] for one in after if before.get(one) != after[one]}
        if price in before and price not in after and size == 0:
            told = {price: "0.00", **told}
        if told:
            # The sums of a book of three levels are of those three.
            shown = [best(book, one, DEPTH) for one in (BID, ASK)]
            sides = ({}, told) if side == ASK else (told, {})
            messages.append(update(*sides, told_checksum(shown), depth=DEPTH))
    with tempfile.TemporaryDirectory() as folder:
        reader = kraken.read(write_capture(Path(folder) / "capture", *messages), chunk=chunk)
        books = BookSet()
        for batch in reader:
            books.apply(batch)
    report = reader.verification
    assert (report.checked.total(), report.differing) == (len(messages) - 1, 0)
    assert [f"{price:.1f}" for price, *_ in books[PAIR].bids(10)] == list(best(book, BID, DEPTH))
    assert [f"{price:.1f}" for price, *_ in books[PAIR].asks(10)] == list(best(book, ASK, DEPTH))


texts = st.sampled_from([("4350", 0), ("4350", 1), ("4351", 3), ("4352.5", 1), ("4352.5", 5), ("4353.25", 2)]).map(
    lambda one: f"{float(one[0]):.{one[1]}f}"
)
amounts = st.sampled_from(["0.00000000", "1", "1.5", "2.00000000", "900000000.25", "0.00000001"])


@settings(max_examples=80)
@given(st.lists(st.tuples(texts, amounts, st.booleans()), min_size=1, max_size=30), st.integers(1, 20))
def test_every_checksum_is_of_the_texts_as_they_came(happened: list[tuple[str, str, bool]], chunk: int) -> None:
    """A price may come with other decimals than before; the snapshot is empty, and a new connection starts anew."""
    book: dict[float, tuple[str, str]] = {}
    messages: list[Any] = [CONNECTION, snapshot({}, {})]
    for price, size, reconnects in happened:
        book.pop(float(price), None)
        if float(size):
            book[float(price)] = price, size
        bids = [book[one] for one in sorted(book, reverse=True)]
        messages.append(update({price: size}, {}, told_checksum([dict(bids), {}])))
        if reconnects:
            messages += [CONNECTION, snapshot(dict(bids), {})]
    with tempfile.TemporaryDirectory() as folder:
        reader = kraken.read(write_capture(Path(folder) / "capture", *messages), chunk=chunk)
        books = BookSet()
        for batch in reader:
            books.apply(batch)
    report = reader.verification
    assert (report.checked.total(), report.differing) == (len(happened), 0)
    assert [(price, size) for price, size, *_ in books[PAIR].bids(10)] == [
        (price, float(book[price][1])) for price in sorted(book, reverse=True)
    ]


def test_a_size_beyond_int64_of_the_last_decimals_has_a_coarser_lot() -> None:
    """156 billion coins and eight decimals, of which none is used; the checksum is of the text."""
    size = "156428937432.00000000"
    asks = {"0.00000052": size}
    with tempfile.TemporaryDirectory() as folder:
        path = write_capture(Path(folder) / "capture", snapshot({}, asks), update({}, asks, told_checksum([{}, asks])))
        reader = kraken.read(path)
        books = BookSet()
        for batch in reader:
            books.apply(batch)
    assert [level[:2] for level in books[PAIR].asks()] == [(5.2e-7, 156428937432.0)]
    assert (reader.verification.checked.total(), reader.verification.differing) == (1, 0)
