from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from hftlab.kernels.integer_map import (
    LIVE,
    VALUE,
    IntegerMap,
    find_place,
    insert_key,
    new_map,
    remove_place,
    with_capacity,
)

REFERENCES = st.integers(0, 40) | st.integers(0, 2**64 - 1) | st.integers(0, 2**59).map(lambda block: block * 16)


@njit
def run(orders: IntegerMap, references: np.ndarray, words: np.ndarray, removes: np.ndarray, found: np.ndarray) -> None:
    for step in range(len(references)):
        place = find_place(orders, references[step])
        found[step] = orders.entries[place, VALUE] if place != 0 else 0
        if place == 0:
            insert_key(orders, references[step], words[step])
        elif removes[step]:
            remove_place(orders, place)


@settings(deadline=None)
@given(st.lists(st.tuples(REFERENCES, st.booleans()), max_size=200))
def test_finds_what_a_dict_finds(steps: list[tuple[int, bool]]) -> None:
    orders, expected, truth = new_map(16), [], {}
    found = np.zeros(len(steps), np.uint64)
    for step, (reference, removes) in enumerate(steps):
        orders = with_capacity(orders, len(truth) + 1)
        run(
            orders,
            np.array([reference], np.uint64),
            np.array([step + 1], np.uint64),
            np.array([removes]),
            found[step : step + 1],
        )
        expected.append(truth.get(reference, 0))
        if reference not in truth:
            truth[reference] = step + 1
        elif removes:
            del truth[reference]
    assert found.tolist() == expected
    assert orders.counts[LIVE] == len(truth)


@pytest.mark.parametrize("step", [1, 4, 16, 4096])
def test_serves_millions_of_references_from_the_room_of_those_that_are_live(step: int) -> None:
    orders, count = new_map(64), 300_000
    references = np.repeat(np.arange(count, dtype=np.uint64) * np.uint64(step), 2)
    found = np.zeros(len(references), np.uint64)
    run(orders, references, np.ones(len(references), np.uint64), np.ones(len(references), np.bool_), found)
    assert found.tolist() == [0, 1] * count
    assert orders.counts[LIVE] == 0
    assert not orders.heads.any()


def test_room_that_is_there_is_not_made_again() -> None:
    orders = new_map(16)
    assert with_capacity(orders, 16) is orders
    assert len(with_capacity(orders, 17).entries) == 33
