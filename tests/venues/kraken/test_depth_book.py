"""The book of texts: its checksum is that of digits that were put together by hand."""

from __future__ import annotations

import zlib

from hftlab.venues.kraken.depth_book import DepthBook

BIDS = [("100.5", "0.00100000"), ("100.4", "12.00000000"), ("99.0", "0.50000000")]
ASKS = [("100.6", "0.10000000"), ("101.0", "3.25000000")]
BY_HAND = zlib.crc32(b"100610000000101032500000010051000001004120000000099050000000")


def test_the_checksum_is_that_of_asks_from_below_and_bids_from_above() -> None:
    book = DepthBook()
    book.set(reversed(BIDS), reversed(ASKS))
    assert book.checksum() == BY_HAND


def test_prices_below_one_lose_their_leading_zeros() -> None:
    book = DepthBook()
    book.set([], [("0.00501", "0.00000500")])
    assert book.checksum() == zlib.crc32(b"501500")


def test_levels_beyond_ten_are_not_in_it() -> None:
    book = DepthBook()
    book.set([(f"{price}.0", "1") for price in range(20, 41)], [])
    best = "".join(f"{price}01" for price in range(40, 30, -1))
    assert book.checksum() == zlib.crc32(best.encode())


def test_zeros_that_were_lost_on_the_way_are_put_back() -> None:
    book = DepthBook()
    book.set([(price, size.rstrip("0")) for price, size in BIDS], [("100.6", "0.1"), ("101", "3.25")])
    assert book.checksum() != BY_HAND
    assert book.padded_checksum(1, 8) == BY_HAND


def test_truncation_drops_the_worst_and_says_which() -> None:
    book = DepthBook()
    book.set([("3", "1"), ("1", "1"), ("2", "1")], [("4.0", "1"), ("6.0", "1"), ("5.0", "1")])
    book.set([("2.0", "0.0")], [])
    assert book.truncate(1) == (["1"], ["6.0", "5.0"])
    assert (len(book.bids), len(book.asks)) == (1, 1)
