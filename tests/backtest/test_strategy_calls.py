"""Strategies whose calls cannot be made are refused, and an exception of theirs shows their own line alone."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

import hftlab as hl
from hftlab.backtest.strategy_calls import check_calls, strategy_trace
from hftlab.errors import ArgumentError, ArgumentTypeError


class Misspelt(hl.Strategy):
    def on_data(self, message: Any) -> None: ...


class Narrow(hl.Strategy):
    def on_timer(self) -> None: ...  # type: ignore[override]


class Wide(hl.Strategy):
    def on_timer(self, *anything: Any) -> None: ...
    def on_my_signal(self) -> None:
        """A method of its own beside a call."""


class Faulty(hl.Strategy):
    wake = "timer"
    every = "1s"

    def on_timer(self, at: int) -> None:
        self.market.bets("AAPL")  # type: ignore[attr-defined]


def test_methods_that_nobody_calls_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"Misspelt.on_data\(\) is never called: a strategy has on_start, on_"):
        hl.backtest(Misspelt, hl.sample("walk"))


def test_a_call_that_takes_too_little_is_refused_with_what_to_write() -> None:
    with pytest.raises(ArgumentError, match=r"write def on_timer\(self, at\)"):
        hl.backtest(Narrow(), hl.sample("walk"))


@pytest.mark.parametrize("kind", [Wide, Faulty, hl.Strategy])
def test_others_are_taken(kind: type[hl.Strategy]) -> None:
    check_calls(kind)


def test_the_traceback_of_a_strategys_error_is_the_callers_line_and_its_own() -> None:
    with pytest.raises(AttributeError, match="bets") as caught:
        hl.backtest(Faulty, hl.sample("walk"))
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[:2] == ["test_the_traceback_of_a_strategys_error_is_the_callers_line_and_its_own", "on_timer"]


def test_an_error_of_hftlab_keeps_its_traceback() -> None:
    with pytest.raises(hl.HftlabError) as caught:
        hl.open_session("no/such/folder")
    own = caught.value.__traceback__.tb_next
    assert strategy_trace(own) is own
    assert strategy_trace(None) is None


def test_fees_that_are_a_number_are_refused_with_what_to_write() -> None:
    with pytest.raises(ArgumentTypeError, match=r"fees is 0.003: give a commission, such as hl.trading.Commission"):
        hl.backtest(hl.Strategy, hl.sample("walk"), fees=0.003)  # type: ignore[arg-type]
