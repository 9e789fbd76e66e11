from __future__ import annotations

import zlib

from hftlab.instruments import UNIT
from hftlab.venues.kraken.text_books import LevelTexts, TextBooks

ASK, BID = 4_351 * UNIT, 4_350 * UNIT + UNIT // 10


def crc32(text: str) -> int:
    return zlib.crc32(text.encode())


class TestChecksum:
    def test_is_of_the_newest_texts_without_point_and_leading_zeros(self) -> None:
        books = TextBooks()
        books.update(0, LevelTexts(True, [("4350.1", "2.0")], [("4351.0", "0.100")]))
        assert books.checksum(0, [ASK, BID], [1, 1]) == crc32("43510" + "100" + "43501" + "20")
        books.update(0, LevelTexts(False, [("4350.10000", "7")], []))
        assert books.checksum(0, [ASK, BID], [1, 1]) == crc32("43510" + "100" + "435010000" + "7")

    def test_leaves_out_levels_that_are_not_there(self) -> None:
        books = TextBooks()
        books.update(0, LevelTexts(True, [("4350.1", "2.0")], []))
        assert books.checksum(0, [0, 0, BID, 0], [0, 0, 1, 0]) == crc32("4350120")

    def test_of_a_level_that_goes_and_comes_back_is_of_its_new_texts(self) -> None:
        books = TextBooks()
        books.update(0, LevelTexts(True, [("4350.1", "2.0")], []))
        books.update(0, LevelTexts(False, [("4350.1", "0.00")], []))
        assert books.checksum(0, [0, 0], [0, 0]) == crc32("")
        books.update(0, LevelTexts(False, [("4350.10", "3.00")], []))
        assert books.checksum(0, [0, BID], [0, 1]) == crc32("435010300")

    def test_is_of_one_instrument(self) -> None:
        books = TextBooks()
        books.update(0, LevelTexts(True, [("4350.1", "2.0")], []))
        books.update(1, LevelTexts(True, [("4350.100", "3.0")], []))
        assert books.checksum(0, [0, BID], [0, 1]) == crc32("4350120")
        assert books.checksum(1, [0, BID], [0, 1]) == crc32("435010030")
