from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.state_differences import differences

STATES = st.lists(st.dictionaries(st.integers(1, 6), st.integers(1, 3), max_size=5), max_size=8)


@given(STATES)
def test_each_state_follows_from_the_one_before_and_its_changes(states: list[dict[int, int]]) -> None:
    flat = [(number, price, size) for number, state in enumerate(states) for price, size in state.items()]
    columns = np.array(flat, np.int64).reshape(-1, 3).T
    changes = list(zip(*(column.tolist() for column in differences(*columns)), strict=True))
    assert [number for number, _, _ in changes] == sorted(number for number, _, _ in changes)
    state: dict[int, int] = {}
    for number, wanted in enumerate(states):
        for _, price, size in (change for change in changes if change[0] == number):
            assert state.get(price, 0) != size
            state[price] = size
            if not size:
                del state[price]
        assert state == wanted


def test_what_is_gone_after_the_last_state_is_told_too() -> None:
    assert [one.tolist() for one in differences(*np.array([[0], [5], [1]]))] == [[0, 1], [5, 5], [1, 0]]
