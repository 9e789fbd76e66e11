from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.queue_models import QueueModel, behind_probability, front_after_change, front_after_trade

PROBABILISTIC = [model for model in QueueModel if model != QueueModel.RISK_AVERSE]
MODELS = st.sampled_from(list(QueueModel))
EXPONENTS = st.floats(0.1, 12)
SIZES = st.integers(0, 10_000)


def probability(model: QueueModel, n: float, f: float, b: float) -> float:
    """The issue's formulas, in plain Python: 1 where they divide by nothing."""
    try:
        match model:
            case QueueModel.POWER:
                return b**n / (b**n + f**n)
            case QueueModel.LOG:
                return math.log(1 + b) / (math.log(1 + b) + math.log(1 + f))
            case QueueModel.LOG2:
                return math.log(1 + b) / math.log(1 + b + f)
            case QueueModel.POWER2:
                return b**n / (b + f) ** n
            case QueueModel.POWER3:
                return 1 - (f / (f + b)) ** n
            case _:
                return 1.0
    except ZeroDivisionError:
        return 1.0


class SlowQueue:
    """Place of one order, kept by the book: what trades, and what the level's sizes say beyond it."""

    def __init__(self, model: QueueModel, n: float, level: int) -> None:
        self.model, self.n, self.front, self.traded = model, n, float(level), 0

    def trade(self, lots: int) -> None:
        self.front -= lots
        self.traded += lots

    def change(self, before: int, after: int) -> None:
        self.front = max(self.front, 0.0)
        fall, self.traded = before - after - self.traded, 0
        if fall > 0:
            behind = max(before - self.front, 0.0)
            p = probability(self.model, self.n, self.front, behind)
            self.front -= (1 - p) * fall
            if p * fall > behind:
                self.front -= p * fall - behind
        self.front = max(min(self.front, after), 0.0)


class TestProbability:
    @pytest.mark.parametrize(
        ("model", "n", "front", "behind", "expected"),
        [
            (QueueModel.RISK_AVERSE, 1.0, 30.0, 10.0, 1.0),
            (QueueModel.POWER, 1.0, 30.0, 10.0, 0.25),
            (QueueModel.POWER, 2.0, 30.0, 10.0, 0.1),
            (QueueModel.POWER2, 2.0, 30.0, 10.0, 0.0625),
            (QueueModel.POWER3, 2.0, 30.0, 10.0, 0.4375),
            (QueueModel.LOG, 1.0, 7.0, 3.0, 0.4),  # ln 4 / (ln 4 + ln 8) = 2 / 5
            (QueueModel.LOG2, 1.0, 12.0, 3.0, 0.5),  # ln 4 / ln 16
        ],
    )
    def test_is_what_the_formula_gives_by_hand(
        self, model: QueueModel, n: float, front: float, behind: float, expected: float
    ) -> None:
        assert behind_probability(model, n, front, behind) == pytest.approx(expected, rel=1e-14)

    @pytest.mark.parametrize("model", list(QueueModel))
    def test_an_order_alone_at_its_level_keeps_its_place(self, model: QueueModel) -> None:
        """0 / 0 of the formulas."""
        assert behind_probability(model, 1.5, 0.0, 0.0) == 1.0

    def test_powers_too_large_for_a_double_count_as_behind(self) -> None:
        assert behind_probability(QueueModel.POWER, 400.0, 1e4, 1e4) == 1.0

    @pytest.mark.parametrize("model", PROBABILISTIC)
    def test_at_the_front_all_is_behind_and_at_the_end_nothing(self, model: QueueModel) -> None:
        assert behind_probability(model, 3.0, 0.0, 50.0) == 1.0
        assert behind_probability(model, 3.0, 50.0, 0.0) == 0.0

    @given(MODELS, EXPONENTS, SIZES, SIZES)
    def test_is_a_probability_and_the_slow_one(self, model: QueueModel, n: float, front: int, behind: int) -> None:
        ours = behind_probability(model, n, float(front), float(behind))
        assert 0 <= ours <= 1
        assert ours == pytest.approx(probability(model, n, front, behind), rel=1e-9, abs=1e-12)

    @given(MODELS, EXPONENTS, SIZES, SIZES, SIZES)
    def test_falls_with_what_stands_ahead(
        self, model: QueueModel, n: float, front: int, more: int, behind: int
    ) -> None:
        near = behind_probability(model, n, float(front), float(behind))
        far = behind_probability(model, n, float(front + more), float(behind))
        assert far <= near + 1e-12


class TestChange:
    @pytest.mark.parametrize(
        ("model", "n", "front", "before", "after", "traded", "expected"),
        [
            # 20 of 40 are cancelled: 30 ahead, 10 behind, p = 1/4, so 15 of them ahead.
            (QueueModel.POWER, 1.0, 30.0, 40, 20, 0, 15.0),
            # p = 1/10: 18 ahead; 2 behind.
            (QueueModel.POWER, 2.0, 30.0, 40, 20, 0, 12.0),
            # p = 7/16: 20 * 9/16 = 11.25 ahead.
            (QueueModel.POWER3, 2.0, 30.0, 40, 20, 0, 18.75),
            # p = 1/16: 18.75 ahead.
            (QueueModel.POWER2, 2.0, 30.0, 40, 20, 0, 11.25),
            # p = 2/5 of 5: 3 ahead.
            (QueueModel.LOG, 1.0, 7.0, 10, 5, 0, 4.0),
            # p = 1/2 of 10 is 5 behind, where 3 are: 5 + 2 ahead.
            (QueueModel.LOG2, 1.0, 12.0, 15, 5, 0, 5.0),
            # 8 of the fall have traded, and are off the front already: p = 1/4 of 12, so 9 ahead.
            (QueueModel.POWER, 1.0, 30.0, 40, 20, 8, 20.0),
            # All of the fall has traded.
            (QueueModel.POWER, 1.0, 12.0, 40, 20, 20, 12.0),
            # More has traded than the level fell by: new size came.
            (QueueModel.POWER, 1.0, 12.0, 40, 30, 20, 12.0),
            # The level grew: what came stands behind.
            (QueueModel.POWER, 1.0, 12.0, 40, 90, 0, 12.0),
            # Nothing that is ahead is more than the level.
            (QueueModel.RISK_AVERSE, 1.0, 30.0, 40, 20, 0, 20.0),
            (QueueModel.RISK_AVERSE, 1.0, 12.0, 40, 20, 0, 12.0),
            (QueueModel.RISK_AVERSE, 1.0, 30.0, 40, 20, 25, 20.0),
            # The level is gone.
            (QueueModel.POWER2, 2.0, 30.0, 40, 0, 0, 0.0),
            # p = 1/82 of 9: 8.89 ahead of 9, and p = 1/82 of 10: 9.88, of which there are 9.
            (QueueModel.POWER, 2.0, 9.0, 10, 1, 0, 9 - 9 * 81 / 82),
            (QueueModel.POWER, 2.0, 9.0, 10, 0, 0, 0.0),
        ],
    )
    def test_is_what_the_formula_gives_by_hand(
        self, model: QueueModel, n: float, front: float, before: int, after: int, traded: int, expected: float
    ) -> None:
        assert front_after_change(model, n, front, before, after, traded) == (pytest.approx(expected, rel=1e-13), 0.0)

    def test_log_counts_in_the_instruments_unit(self) -> None:
        """Lots of a hundredth: the size of a lot says what the logarithm is of; powers do not depend on it."""
        lots = front_after_change(QueueModel.LOG, 1.0, 700.0, 1000, 500, 0, 0.01)
        assert lots == (pytest.approx(400.0), 0.0)
        assert front_after_change(QueueModel.LOG, 1.0, 700.0, 1000, 500, 0) != lots
        power = front_after_change(QueueModel.POWER, 3.0, 700.0, 1000, 500, 0, 0.01)
        assert power == pytest.approx(front_after_change(QueueModel.POWER, 3.0, 700.0, 1000, 500, 0))

    @given(st.integers(0, 6), st.integers(0, 6), st.data())
    def test_power_1_is_the_mean_of_all_ways_to_cancel(self, front: int, behind: int, data: st.DataObject) -> None:
        """Each lot is as likely to go as another: enumerate which went, and count what is left ahead."""
        fall = data.draw(st.integers(0, front + behind))
        left = [sum(1 for lot in range(front) if lot not in gone) for gone in combinations(range(front + behind), fall)]
        ours, _ = front_after_change(QueueModel.POWER, 1.0, float(front), front + behind, front + behind - fall, 0)
        assert ours == pytest.approx(sum(left) / len(left), abs=1e-12)

    @given(MODELS, EXPONENTS, SIZES, SIZES, SIZES, SIZES)
    def test_stays_within_the_level_and_never_moves_back(
        self, model: QueueModel, n: float, front: int, behind: int, after: int, traded: int
    ) -> None:
        now, rest = front_after_change(model, n, float(front), front + behind, after, traded)
        assert 0 <= now <= min(front, after)
        assert rest == 0

    @given(MODELS, EXPONENTS, SIZES, SIZES, SIZES, SIZES, SIZES)
    def test_a_larger_fall_leaves_less_ahead(
        self, model: QueueModel, n: float, front: int, behind: int, after: int, more: int, traded: int
    ) -> None:
        large, _ = front_after_change(model, n, float(front), front + behind, after, traded)
        small, _ = front_after_change(model, n, float(front), front + behind, after + more, traded)
        assert large <= small + 1e-9

    @given(MODELS, EXPONENTS, SIZES, SIZES, SIZES)
    def test_risk_averse_is_the_last_in_the_queue(
        self, model: QueueModel, n: float, front: int, behind: int, after: int
    ) -> None:
        worst, _ = front_after_change(QueueModel.RISK_AVERSE, n, float(front), front + behind, after, 0)
        assert front_after_change(model, n, float(front), front + behind, after, 0)[0] <= worst


class TestTrade:
    def test_takes_from_the_front_and_is_remembered(self) -> None:
        assert front_after_trade(30.0, 5.0, 12.0) == (18.0, 17.0)

    def test_what_goes_beyond_the_front_came_to_the_order(self) -> None:
        assert front_after_trade(30.0, 0.0, 34.0) == (-4.0, 34.0)

    @given(
        MODELS,
        EXPONENTS,
        st.integers(1, 500),
        st.lists(st.tuples(st.booleans(), st.integers(0, 500)), min_size=1, max_size=30),
    )
    def test_a_queue_over_many_trades_and_changes_is_the_slow_one(
        self, model: QueueModel, n: float, level: int, steps: list[tuple[bool, int]]
    ) -> None:
        slow = SlowQueue(model, n, level)
        front, traded = float(level), 0.0
        for is_trade, size in steps:
            if is_trade:
                slow.trade(size)
                front, traded = front_after_trade(front, traded, float(size))
            else:
                slow.change(level, size)
                front, traded = front_after_change(model, n, front, level, size, traded)
                level = size
            assert front == pytest.approx(slow.front, rel=1e-6, abs=1e-6)
            if front < 0:  # the order is filled for what came to it, and stands first from then on
                slow.front = front = 0.0
