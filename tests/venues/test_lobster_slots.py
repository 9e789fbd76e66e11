"""The map of orders against a dict."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.lobster.slots import find, grown, insert, new_slots, remove

NUMBERS = st.sampled_from([*range(1, 12), 1 << 40, (1 << 63) | 5, (1 << 63) | (1 << 62) | 5])


@given(st.lists(st.tuples(st.booleans(), NUMBERS, st.integers(0, 1000)), max_size=80))
def test_is_a_dict(steps: list[tuple[bool, int, int]]) -> None:
    """Eight slots and more: it is grown when half full, as its user does."""
    slots, expected = new_slots(8), dict[int, int]()
    for is_new, number, place in steps:
        if is_new:
            insert(slots, np.uint64(number), place)
            expected[number] = place
        elif number in expected:
            remove(slots, find(slots, np.uint64(number)))
            del expected[number]
        if 2 * len(expected) >= len(slots):
            slots = grown(slots)
        found = {int(number): int(word) - 1 for number, word in slots.tolist() if word}
        assert found == expected
        for one, where in expected.items():
            assert int(slots[find(slots, np.uint64(one)), 1]) - 1 == where
