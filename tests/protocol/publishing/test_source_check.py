"""What somebody's own source yields, before it is kept or sent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hftlab.protocol import MarketData, Message
from hftlab.protocol.publishing.source_check import SourceCheck
from hftlab.simulator import RandomWalk
from hftlab.source import SourceDecorator, Timed
from tests.protocol.conftest import market_data, symbol


class MyWalk(RandomWalk):
    """A user's subclass, which may yield anything."""


class MyDecorator(SourceDecorator[Message]):
    """A user's decorator."""


def bad() -> MarketData:
    return market_data(symbol("AAPL", bid=math.nan))


def check_of(source: Any) -> SourceCheck:
    return SourceCheck(source)


def test_what_is_wrong_is_left_out_and_the_rest_goes_on() -> None:
    check = check_of(MyWalk(7))
    good = market_data(symbol("MSFT"))
    assert check.messages([bad(), good]) == [good]
    assert check.timed([Timed(1, bad()), Timed(2, good, "alice")]) == [Timed(2, good, "alice")]
    assert [error.field for error in check.take_refused()] == ["symbols[0].bid"] * 2
    assert check.take_refused() == []


@pytest.mark.parametrize(
    ("source", "is_checked"),
    [
        (RandomWalk(7), False),
        (MyWalk(7), True),
        (MyDecorator(RandomWalk(7)), True),
        (SourceDecorator(RandomWalk(7)), False),
        (SourceDecorator[Any](SourceDecorator(MyWalk(7))), True),
        (None, False),
    ],
)
def test_sources_of_hftlab_are_not_checked_a_second_time(source: Any, is_checked: bool) -> None:
    kept = check_of(source).messages([bad()])
    assert len(kept) == (0 if is_checked else 1)


@pytest.mark.parametrize("at", [1.5, math.nan, 2**63, None, "1"])
def test_a_message_at_a_time_that_is_none_is_left_out(at: Any) -> None:
    """A recording could not store it."""
    check, good = check_of(MyWalk(7)), market_data(symbol("MSFT"))
    assert check.timed([Timed(at, good), Timed(np.int64(2), good)]) == [Timed(2, good)]
    (error,) = check.take_refused()
    assert (error.field, str(error).startswith(f"the `at` of a Timed is {at!r}: a time is")) == ("at", True)


@pytest.mark.parametrize("at", [1.5, math.nan, math.inf, "1", np.float64(1)])
def test_a_time_that_is_none_is_an_error(at: Any) -> None:
    with pytest.raises(TypeError, match=r"next_time\(\) returned"):
        check_of(MyWalk(7)).time(at)


def test_a_time_of_numpy_is_one() -> None:
    assert type(check_of(MyWalk(7)).time(np.int64(5))) is int
    assert check_of(MyWalk(7)).time(None) is None
