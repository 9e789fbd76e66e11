"""Orders that can be left out of a recording, what was asked of them, and the recording without one."""

from __future__ import annotations

from hftlab.backtest.left_out_orders import Ask, LeftOut, orders_of, without
from hftlab.events import F_LAST, F_SNAPSHOT, FILL, TRADE
from tests.backtest.left_out_rows import ONE, add, batch_of, cancel, execute, modify
from tests.backtest.listed_rows import Row


def found(rows: list[Row]) -> LeftOut:
    (order,) = (one for one in orders_of(batch_of(rows)) if one.order_id == ONE)
    return order


def asked(rows: list[Row]) -> list[tuple[int, Ask, int]]:
    return [(one.row, one.kind, one.lots) for one in found(rows).requests]


class TestRequests:
    def test_rows_that_book_executions_ask_for_nothing(self) -> None:
        order = found([*add(1, ONE, 100), *execute(2, (ONE, 30)), *execute(3, (ONE, 70))])
        assert (order.requests, order.size, order.was_cancelled) == ((), 100, False)

    def test_an_execution_may_be_booked_by_a_modification(self) -> None:
        rows = [*add(1, ONE, 100), Row(2, FILL, size=30, price=100, order_id=ONE, flags=0), *modify(2, ONE, 70)]
        assert asked([*rows, *cancel(3, ONE, 70)]) == [(3, Ask.REDUCE, 70)]

    def test_cancellations_and_modifications(self) -> None:
        rows = [
            *add(1, ONE, 100),
            *cancel(2, ONE, 20),
            *modify(3, ONE, 50),
            *modify(4, ONE, 90),
            *modify(5, ONE, 90, 99),
        ]
        order = found([*rows, *cancel(6, ONE, 90, 99)])
        assert [(one.kind, one.lots, one.price // 10**7) for one in order.requests] == [
            (Ask.REDUCE, 20, 100),
            (Ask.REDUCE, 30, 100),
            (Ask.REPLACE, 40, 100),
            (Ask.REPLACE, 0, 99),
            (Ask.REDUCE, 90, 99),
        ]
        assert (order.size, order.was_cancelled) == (140, True)

    def test_an_iceberg_shows_its_next_part(self) -> None:
        rows = [*add(1, ONE, 50), Row(2, FILL, size=50, price=100, order_id=ONE, flags=0), *modify(2, ONE, 40)]
        order = found([*rows, *execute(3, (ONE, 40))])
        assert asked([*rows, *execute(3, (ONE, 40))]) == [(2, Ask.RELOAD, 40)]
        assert (order.size, order.was_cancelled) == (90, False)

    def test_a_cancellation_of_what_an_execution_has_left(self) -> None:
        rows = [*add(1, ONE, 100), Row(2, FILL, size=30, price=100, order_id=ONE, flags=0)]
        assert asked([*rows, *cancel(2, ONE, 100)]) == [(2, Ask.REDUCE, 70)]


class TestOrders:
    def test_only_whole_ones_count(self) -> None:
        still_there, twice = add(1, 1, 10), [*add(1, 2, 10), *cancel(2, 2, 10), *add(3, 2, 10), *cancel(4, 2, 10)]
        snapshot = [row._replace(flags=F_LAST | F_SNAPSHOT) for row in [*add(1, 3, 10), *cancel(2, 3, 10)]]
        unknown = cancel(1, 4, 10)
        whole = [*add(5, ONE, 10), *cancel(6, ONE, 10)]
        listed = orders_of(batch_of([*still_there, *twice, *snapshot, *unknown, *whole]))
        assert [one.order_id for one in listed] == [ONE]

    def test_there_may_be_none(self) -> None:
        assert orders_of(batch_of(add(1, 1, 10))) == []


class TestWithout:
    def test_no_row_names_the_order_and_its_executions_stay_as_trades(self) -> None:
        rows = [*add(1, 1, 10), *add(2, ONE, 20), *execute(3, (1, 10), (ONE, 5)), *cancel(4, ONE, 15)]
        batch, order = batch_of(rows), found(rows)
        left = without(batch, batch.ts_event, order, len(batch))
        assert ONE not in left.batch.order_id
        assert bytes(left.batch.action) == b"TFCT"
        assert left.batch.size.tolist() == [10, 10, 10, 5]
        assert (left.batch.flags & F_LAST > 0).tolist() == [False, False, False, True]
        assert left.numbers.tolist() == [2, 3, 4, 6]

    def test_of_one_trade_with_several_the_others_keep_theirs(self) -> None:
        rows = [*add(1, 1, 10), *add(2, ONE, 20), *execute(3, (1, 10), (ONE, 20), prints=False)]
        batch = batch_of(rows)
        left = without(batch, batch.ts_event, found(rows), len(batch)).batch
        trades = left.action == TRADE
        assert left.size[trades].tolist() == [10, 20]
        assert left.flags[-1] & F_LAST
