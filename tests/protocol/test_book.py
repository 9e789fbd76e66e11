"""How a book and a quote show themselves."""

from __future__ import annotations

from hftlab.protocol.book import Book
from tests.protocol.conftest import level, symbol, trade

NOON = 1_709_294_400_000.25  # 2024-03-01 12:00:00.000250 UTC


def test_a_book_is_one_line_of_text_and_a_table() -> None:
    bids, asks = [level(100.0 - n) for n in range(12)], [level(101.5, 1234.0)]
    book = Book.of(symbol("<X>", bids=bids, asks=asks, timestamp=NOON), stale=True)
    assert repr(book) == "Book(<X>: 1 @ 100 / 1234 @ 101.5, 2024-03-01 12:00:00.000250 UTC, stale)"
    html = book._repr_html_()
    assert "Book of &lt;X&gt;, 2024-03-01 12:00:00.000250 UTC, stale" in html
    assert html.count("<tr>") == 11  # the head, and ten levels
    assert "<td>1</td><td>1</td><td>100</td><td>101.5</td><td>1,234</td><td>1</td>" in html
    assert "<td>91</td><td></td><td></td><td></td>" in html
    assert "<td>90</td>" not in html


def test_an_empty_book_says_so() -> None:
    assert ": - / -, " in repr(Book.of(symbol(bids=[], asks=[]), stale=False))


def test_a_quote_is_a_card() -> None:
    html = symbol("<X>", 10.5, timestamp=NOON, last_trade=trade(10.25))._repr_html_()
    for text in ("&lt;X&gt; on X", "9.5 × 1", "BUY 1 at 10.25", "12:00:00.000250 UTC"):
        assert text in html
