from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.book.open_orders import FITS, RELOADS, UNFIT, follow_orders
from hftlab.events import F_LAST, EventBatch
from tests.batches import SHARE, Row, make_batch
from tests.book.test_book_set import ORDER_ROWS

ROWS = st.sampled_from([0, 40]).flatmap(lambda least: st.lists(ORDER_ROWS, min_size=least, max_size=60))


def orders(rows: list[Row]) -> EventBatch:
    return make_batch([row._replace(instrument=0, time=0) for row in rows], (SHARE,))


def verdicts(*rows: Row) -> list[int]:
    return follow_orders(orders(list(rows)))[0].tolist()


def row(action: str, lots: int, ticks: int = 10, number: int = 1, side: str = "B") -> Row:
    return Row(action, side, ticks, lots, F_LAST, order=number)


@settings(deadline=None)
@given(ROWS)
def test_a_book_takes_the_same_rows_and_leaves_the_same_lots(rows: list[Row]) -> None:
    batch = orders(rows)
    fits, left = follow_orders(batch)
    books = BookSet()
    for at in range(len(batch)):
        before = _refused(books)
        books.apply(batch[at : at + 1])
        action = chr(batch.action[at])
        if action in "ACM":
            assert (fits[at] != UNFIT) == (_refused(books) == before), at
        if action == "F":
            assert (fits[at] == FITS) == (_lots(books, batch, at) > 0)
        if fits[at] != UNFIT and action in "ACMF":
            assert left[at] == _lots(books, batch, at)


def _refused(books: BookSet) -> int:
    return sum(count for kind, count in books.anomalies.items() if kind not in ("time_back", "crossed"))


def _lots(books: BookSet, batch: EventBatch, at: int) -> int:
    try:
        return SHARE.lots(books["SHARE"].queue_position(int(batch.order_id[at])).size)
    except KeyError:
        return 0


def test_the_next_part_of_an_iceberg_reloads() -> None:
    """A modification to more than its fills left; one to what they left is in place."""
    assert verdicts(row("A", 10), row("F", 10), row("M", 10)) == [FITS, FITS, RELOADS]
    assert verdicts(row("A", 10), row("F", 4), row("M", 6)) == [FITS, FITS, FITS]
    assert verdicts(row("A", 10), row("F", 4), row("C", 4), row("M", 6)) == [FITS] * 4


def test_a_cleared_book_has_no_orders() -> None:
    assert verdicts(row("A", 10), row("R", 0), row("C", 10), row("A", 5)) == [FITS, FITS, UNFIT, FITS]


def test_nothing_is_followed_in_no_rows() -> None:
    assert verdicts() == []
