"""Books whose levels are known beforehand are the books that a BookSet makes of the same rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.book.book_state import BookState, add_books, new_state
from hftlab.book.known_levels import (
    NOWHERE,
    add_known_levels,
    empty_levels,
    level_rows,
    number_levels,
    set_known_level,
    without_empty_levels,
)
from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_MBP, EventBatch
from hftlab.instruments import NASDAQ, UNIT, Instrument
from hftlab.kernels.compiling import place_of

TICK = 10
LISTED = tuple(Instrument(name, NASDAQ, tick=TICK, lot=UNIT, currency="USD") for name in ("A", "B"))
TICKS = np.array([TICK, TICK], np.int64)
DEPTH = 40

Row = tuple[int, int, int, int, int]
"""Action, instrument, side, ticks and lots."""

changes = st.tuples(
    st.sampled_from([ADD, ADD, CANCEL]),
    st.integers(0, 1),
    st.sampled_from([BID, ASK]),
    st.integers(1, 60),
    st.integers(0, 3),
)
clears = st.tuples(st.just(CLEAR), st.integers(0, 1), st.just(BID), st.just(1), st.just(0))
blocks = st.lists(st.lists(st.one_of(changes, changes, changes, clears), max_size=60), max_size=4)


@settings(max_examples=60, deadline=None)
@given(blocks, st.booleans())
def test_are_the_books_of_a_book_set_after_each_block(blocks: list[list[Row]], forgets: bool) -> None:
    """Whether the places of empty levels are dropped in between or not."""
    books, state = BookSet(), add_books(new_state(), 2)
    for rows in blocks:
        books.apply(batch(rows))
        if forgets:
            before = state.levels
            state, rows_before = without_empty_levels(state)
            assert np.array_equal(before[rows_before], state.levels)
            assert all(state.levels["lots"][1:] > 0)
        state = played(state, rows)
        for number, instrument in enumerate(LISTED):
            for is_ask in (0, 1):
                expected = books[instrument].asks(DEPTH) if is_ask else books[instrument].bids(DEPTH)
                assert levels(state, 2 * number + is_ask) == [
                    (round(price * UNIT) // TICK, round(size)) for price, size, _ in expected
                ]


def test_a_price_off_the_tick_has_no_place_nor_has_a_row_without_a_level() -> None:
    rows = [(ADD, 0, BID, 1, 1), (ADD, 0, BID, 2, 1), (CLEAR, 0, BID, 1, 0), (ADD, 0, BID, 3, 1)]
    made = level_rows(batch(rows))
    odd = made._replace(price=frozen(made.price + np.array([0, 1, 0, 0])))
    _, places = add_known_levels(add_books(new_state(), 1), odd, number_levels(odd), TICKS)
    assert places.tolist() == [0, NOWHERE, NOWHERE, 1]


def test_levels_that_are_there_stay_when_others_are_added() -> None:
    state = played(add_books(new_state(), 2), [(ADD, 0, ASK, 5, 7), (ADD, 1, BID, 4, 2)])
    state = played(state, [(ADD, 0, ASK, 3, 1), (ADD, 0, ASK, 9, 1), (CANCEL, 0, ASK, 3, 0)])
    assert levels(state, 1) == [(5, 7), (9, 1)]
    assert levels(state, 2) == [(4, 2)]


def played(state: BookState, rows: Sequence[Row]) -> BookState:
    """Return the state after a block of rows."""
    made = level_rows(batch(rows))
    state, places = add_known_levels(state, made, number_levels(made), TICKS)
    for place, (action, number, letter, _, lots) in zip(places, rows, strict=True):
        if action == CLEAR:
            empty_levels(state, place_of(2 * number))
            empty_levels(state, place_of(2 * number + 1))
        else:
            side = 2 * number + (letter == ASK)
            set_known_level(state, place_of(side), place_of(place), 0 if action == CANCEL else lots)
    return state


def frozen(array: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """As the columns of a batch are: other types would be compiled anew."""
    array.flags.writeable = False
    return array


def levels(state: BookState, side: int) -> list[tuple[int, int]]:
    """Return the ticks and lots of a side's levels, best first."""
    place = state.sides[side]
    rows = state.levels[state.slots[place["start"] : place["start"] + place["length"]]][::-1]
    there = [(int(row["ticks"]), int(row["lots"])) for row in rows if row["lots"]]
    assert not len(rows) or rows[0]["lots"]
    return there[:DEPTH]


def batch(rows: Sequence[Row]) -> EventBatch:
    action, number, side, ticks, lots = np.array(rows, np.int64).reshape(-1, 5).T
    return EventBatch(
        ts_event=np.zeros(len(rows), np.int64),
        ts_recv=np.zeros(len(rows), np.int64),
        sequence=np.arange(len(rows)),
        instrument_id=number,
        order_id=np.zeros(len(rows), np.uint64),
        action=action,
        side=side,
        price=ticks * TICK,
        size=lots,
        flags=np.full(len(rows), F_LAST | F_MBP),
        instruments=LISTED,
    )
