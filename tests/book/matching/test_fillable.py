"""Orders that are all or none, scenario by scenario."""

from __future__ import annotations

import pytest

from hftlab.book.matching import Action, MatchingEngine, OrderType, Prevention, Reason, Result, TimeInForce
from tests.book.matching.streams import SHARES


@pytest.fixture
def engine() -> MatchingEngine:
    return MatchingEngine(SHARES)


def fills(result: Result) -> list[tuple[int, int]]:
    return result.fills[["price", "size"]].tolist()


class TestAllOrNone:
    def test_trades_at_once_with_enough_on_the_other_side(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 6, 100)
        engine.place("ONE", "A", 6, 101)
        assert fills(engine.place("ONE", "B", 10, 101, all_or_none=1)) == [(100, 6), (101, 4)]
        assert len(engine) == 1

    def test_waits_unseen_and_whole_without(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 6, 100)
        result = engine.place("ONE", "B", 10, 101, all_or_none=1)
        assert (fills(result), len(result.events), len(engine)) == ([], 0, 2)
        assert (engine["ONE"].bids(), engine["ONE"].asks()) == ([], [(1.0, 6.0, 1)])

    def test_takes_when_enough_has_come(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 10, 101, all_or_none=1)
        assert fills(engine.place("ONE", "A", 6, 101)) == []
        assert fills(engine.place("ONE", "A", 6, 100)) == [(100, 6), (101, 4)]
        assert engine["ONE"].asks() == [(1.01, 2.0, 1)]

    def test_gives_to_one_that_fills_it_at_its_own_price(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 10, 101, all_or_none=1)
        assert fills(engine.place("ONE", "A", 15, 99)) == [(101, 10)]
        assert engine["ONE"].asks() == [(0.99, 5.0, 1)]

    @pytest.mark.parametrize("in_force", [TimeInForce.IOC, TimeInForce.FOK])
    def test_gives_to_orders_that_do_not_rest(self, engine: MatchingEngine, in_force: TimeInForce) -> None:
        engine.place("ONE", "B", 10, 101, all_or_none=1)
        assert fills(engine.place("ONE", "A", 9, 101, in_force=in_force)) == []
        assert fills(engine.place("ONE", "A", 10, 101, in_force=in_force)) == [(101, 10)]

    def test_is_passed_over_by_one_that_is_too_small(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 10, 101, all_or_none=1)
        engine.place("ONE", "B", 5, 100)
        assert fills(engine.place("ONE", "A", 9, type=OrderType.MARKET)) == [(100, 5)]

    def test_comes_after_displayed_orders_of_its_price_and_before_worse_ones(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 4, 101, all_or_none=1, owner=1)
        engine.place("ONE", "B", 5, 101, owner=2)
        engine.place("ONE", "B", 5, 100, owner=3)
        result = engine.place("ONE", "A", 10, 100)
        assert result.fills[["buy_owner", "size"]].tolist() == [(2, 5), (1, 4), (3, 1)]

    def test_those_of_one_price_wait_in_line(self, engine: MatchingEngine) -> None:
        for owner, size in ((1, 8), (2, 5), (3, 5)):
            engine.place("ONE", "B", size, 101, all_or_none=1, owner=owner)
        result = engine.place("ONE", "A", 7, 101)
        assert result.fills["buy_owner"].tolist() == [2]

    def test_two_of_one_size_meet(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 10, 101, all_or_none=1)
        assert fills(engine.place("ONE", "A", 10, 100, all_or_none=1)) == [(101, 10)]
        assert len(engine) == 0

    def test_one_and_a_displayed_order_fill_another(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 10, 101, all_or_none=1)
        engine.place("ONE", "A", 6, 101, all_or_none=1)
        assert sorted(fills(engine.place("ONE", "A", 4, 100))) == [(100, 4), (101, 6)]

    def test_one_comes_to_a_post_only_order(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 10, 100, all_or_none=1, owner=1)
        result = engine.place("ONE", "B", 10, 101, post_only=1)
        assert result.fills[["price", "aggressor"]].tolist() == [(101, ord("A"))]

    def test_hidden_lots_of_icebergs_count(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 10, 100, type=OrderType.ICEBERG, display=3)
        assert sum(size for _, size in fills(engine.place("ONE", "B", 10, 100, all_or_none=1))) == 10

    def test_an_owners_own_orders_do_not_fill_it(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 10, 100, owner=1)
        for prevention in (Prevention.CANCEL_NEWEST, Prevention.DECREMENT):
            assert fills(engine.place("ONE", "B", 10, 100, owner=1, all_or_none=1, prevention=prevention)) == []
        engine.place("ONE", "B", 5, 101, owner=2, all_or_none=1)
        assert fills(engine.place("ONE", "A", 5, 101, owner=2, prevention=Prevention.CANCEL_OLDEST)) == []

    def test_a_cancel_and_a_replacement(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 6, 100)
        engine.place("ONE", "B", 10, 101, all_or_none=1)
        assert fills(engine.replace(2, 6, 99)) == []
        assert fills(engine.replace(2, 6, 100)) == [(100, 6)]
        engine.place("ONE", "B", 10, 101, all_or_none=1)
        assert engine.cancel(3).updates["size"].tolist() == [10]
        assert len(engine) == 0

    @pytest.mark.parametrize("price", [100, 101])
    def test_an_order_that_is_moved_to_it_trades_as_a_new_one(self, engine: MatchingEngine, price: int) -> None:
        """At the price of the one that waited, and before the stops and the others that wait look at the book."""
        engine.place("ONE", "A", 4, 105)
        engine.place("ONE", "B", 10, 101, all_or_none=1, owner=1)
        assert fills(engine.replace(1, 9, price)) == []
        assert fills(engine.replace(1, 12, price)) == [(101, 10)]
        assert engine["ONE"].queue("A")[0][2:] == (price, 2)

    def test_so_does_an_iceberg_with_all_its_lots(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 12, 105, type=OrderType.ICEBERG, display=3)
        engine.place("ONE", "B", 10, 101, all_or_none=1, owner=1)
        assert fills(engine.replace(1, 12, 100)) == [(101, 10)]
        assert engine["ONE"].queue("A")[0][2:] == (100, 2)

    def test_to_a_post_only_order_that_is_moved_it_comes(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 10, 105, post_only=1)
        engine.place("ONE", "B", 10, 101, all_or_none=1, owner=1)
        result = engine.replace(1, 10, 100)
        assert result.fills[["price", "aggressor"]].tolist() == [(100, ord("B"))]

    def test_auctions_go_without_it(self, engine: MatchingEngine) -> None:
        engine.command(Action.CALL, "ONE")
        engine.place("ONE", "B", 10, 101, all_or_none=1)
        engine.place("ONE", "A", 10, 100)
        assert engine["ONE"].auction() == (0, 0, 0)
        result = engine.command(Action.UNCROSS, "ONE")
        assert result.fills[["price", "size", "aggressor"]].tolist() == [(100, 10, ord("B"))]

    def test_it_does_not_trade_outside_the_band(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 5, 105, all_or_none=1)
        engine.command(Action.BAND, "ONE", 100, 3)
        assert fills(engine.place("ONE", "A", 5, 104)) == []
        assert fills(engine.command(Action.BAND, "ONE")) == [(104, 5)]

    @pytest.mark.parametrize(
        "fields",
        [
            {"in_force": TimeInForce.IOC},
            {"in_force": TimeInForce.FOK},
            {"type": OrderType.MARKET},
            {"type": OrderType.ICEBERG, "display": 1},
            {"type": OrderType.STOP_LIMIT, "stop": 100},
            {"post_only": 1},
            {"all_or_none": 2},
        ],
    )
    def test_what_makes_no_sense_with_it_is_refused(self, engine: MatchingEngine, fields: dict[str, int]) -> None:
        refused = engine.place("ONE", "B", 5, 100, **({"all_or_none": 1} | fields))  # type: ignore[arg-type]
        assert refused.updates["reason"].tolist() == [Reason.BAD_TYPE]
