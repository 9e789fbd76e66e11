"""Differences of two sides, compared with those of dictionaries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.market_state.level_differences import NO_LEVELS, Levels, level_differences

sides = st.dictionaries(st.integers(1, 30), st.integers(1, 5), max_size=20)


def side_of(levels: dict[int, int], *, is_bid: bool) -> Levels:
    ticks = sorted(levels, reverse=is_bid)
    return Levels(np.array(ticks, np.int64), np.array([levels[tick] for tick in ticks], np.int64))


@pytest.mark.parametrize("is_bid", [True, False])
@given(old=sides, new=sides)
def test_they_make_the_old_side_the_new_one(old: dict[int, int], new: dict[int, int], is_bid: bool) -> None:
    """Each level once, best first, and none that is as it was."""
    changes = level_differences(side_of(old, is_bid=is_bid), side_of(new, is_bid=is_bid), is_bid=is_bid)
    listed = list(zip(changes.ticks.tolist(), changes.lots.tolist(), strict=True))
    expected = {tick: new.get(tick, 0) for tick in old.keys() | new.keys() if old.get(tick) != new.get(tick)}
    assert listed == sorted(expected.items(), reverse=is_bid)


@pytest.mark.parametrize("is_bid", [True, False])
@given(old=sides, new=sides, touched=st.lists(st.integers(1, 35), max_size=10))
def test_touched_levels_are_named_as_they_are_in_the_end(
    old: dict[int, int], new: dict[int, int], touched: list[int], is_bid: bool
) -> None:
    given_ticks = np.array(touched, np.int64)
    changes = level_differences(
        side_of(old, is_bid=is_bid), side_of(new, is_bid=is_bid), is_bid=is_bid, touched=given_ticks
    )
    listed = list(zip(changes.ticks.tolist(), changes.lots.tolist(), strict=True))
    named = {tick for tick in old.keys() | new.keys() if old.get(tick) != new.get(tick)} | set(touched)
    assert listed == sorted(((tick, new.get(tick, 0)) for tick in named), reverse=is_bid)


def test_a_side_without_levels_has_none() -> None:
    assert len(level_differences(NO_LEVELS, NO_LEVELS, is_bid=True).ticks) == 0
