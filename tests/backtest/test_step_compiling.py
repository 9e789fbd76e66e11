"""What a compiled step gets wrong is said: numbers that would be cut off, and instruments that there are none of."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import hftlab as hl
from hftlab.backtest import CompiledStrategy
from hftlab.backtest.step_kernel import drive
from hftlab.errors import StepFailed
from tests.backtest.recorded_days import orders


@hl.compiled(every="1s", parameters={"first": 0})
def far(market, orders, state, parameters):  # type: ignore[no-untyped-def]
    for number in range(parameters.first, 6):
        if number == 0:
            orders.position(1_000_000)
        elif number == 1:
            orders.fills(-1)
        elif number == 2:
            market.last(1)
        elif number == 3:
            market.bid_lots_at(1, 1 << 40)
        elif number == 4:
            market.trades(-1)
        else:
            market.bid(1)


@hl.compiled(every="1s", parameters={"lots": 1.0, "ticks": 5.0})
def halves(market, orders, state, parameters):  # type: ignore[no-untyped-def]
    number = orders.buy(2.0, market.bid() / 1)  # whole ones are as good
    orders.sell(parameters.lots, parameters.ticks)
    orders.replace(number, parameters.lots, parameters.ticks)


def failure(strategy: CompiledStrategy) -> tuple[str, str]:
    """Run a strategy; returns its error and the line that this names."""
    with pytest.raises(StepFailed) as caught:
        hl.backtest(strategy, orders(2))  # type: ignore[operator]
    assert caught.value.line is not None
    lines, first = inspect.getsourcelines(strategy.function)
    return str(caught.value), lines[caught.value.line - first].strip()


CALLS = (
    "orders.position(1_000_000)",
    "orders.fills(-1)",
    "market.last(1)",
    "market.bid_lots_at(1, 1 << 40)",
    "market.trades(-1)",
    "market.bid(1)",
)


@pytest.mark.parametrize(("first", "call"), list(enumerate(CALLS)))
def test_an_instrument_that_there_is_none_of_is_not_read_past_the_end(first: int, call: str) -> None:
    said, line = failure(far(first=first))
    assert "IndexError: the market has no instrument of this number" in said
    assert line == call


@pytest.mark.parametrize("ticks", [100.5, float("nan"), float("inf"), -1e18])
def test_half_a_tick_is_not_cut_off(ticks: float) -> None:
    said, line = failure(halves(ticks=ticks))
    assert "the price of an order is not a whole number of ticks" in said
    assert line.startswith("orders.sell(")


def test_half_a_lot_is_not_cut_off() -> None:
    said, line = failure(halves(lots=1.5))
    assert "the lots of an order are not a whole number" in said
    assert line.startswith("orders.sell(")


def test_whole_floats_are_taken() -> None:
    result = hl.backtest(halves(lots=1.0), orders(2))  # type: ignore[operator]
    assert result.orders.collect().height > 2


def test_the_loop_around_the_steps_is_compiled_for_none_of_them() -> None:
    def other(market: Any, orders: Any) -> None:
        orders.buy(1, market.bid())

    hl.backtest(halves(lots=1.0), orders(2))  # type: ignore[operator]
    compiled = list(drive.overloads)  # type: ignore[attr-defined]
    hl.backtest(hl.compiled(every="1s")(other), orders(2))  # type: ignore[operator]
    assert list(drive.overloads) == compiled  # type: ignore[attr-defined]


@pytest.mark.parametrize("arguments", ["1", "1, price=5", "'1', 5", "1, 5, 0, False, False, False, 1"])
def test_a_call_with_other_arguments_says_which_there_are(arguments: str) -> None:
    names: dict[str, Any] = {}
    exec(f"def step(market, orders):\n    orders.buy({arguments})", names)
    with pytest.raises(StepFailed) as caught:
        _ = hl.compiled(every="1s")(names["step"]).step
    assert caught.value.line == 2
    assert "orders.buy() does not take what it is given: it is buy(lots, ticks, instrument=0, " in str(caught.value)


def test_a_float_is_not_put_into_a_whole_number() -> None:
    def mean(market: Any, orders: Any, state: Any) -> None:
        state.steps += 1
        state.mean = 0.5 * state.mean + 0.5 * market.bid()

    said, line = failure(hl.compiled(every="1s", state={"mean": 0, "steps": 0})(mean))
    assert "mean is a whole number" in said
    assert "state={'mean': 0.0}" in said
    assert line.startswith("state.mean = ")
    assert hl.compiled(every="1s", state={"mean": 0.0, "steps": 0})(mean).step is not None
