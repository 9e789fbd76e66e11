"""The depth window against a slow, obvious one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.events import ASK, BID, CANCEL, CLEAR, F_LAST, F_MBP, MODIFY, EventBatch
from hftlab.instruments import Instrument
from hftlab.venues.kraken import KRAKEN
from hftlab.venues.kraken.window import DepthWindow

DEPTHS = (2, 3)
INSTRUMENTS = tuple(Instrument(f"{name}/X", KRAKEN, 1, 1, "X") for name in "AB")

Row = tuple[int, int, int]
"""Action, side, price."""

rows = st.tuples(st.sampled_from([MODIFY, MODIFY, MODIFY, CANCEL]), st.sampled_from([BID, ASK]), st.integers(1, 8))
events = st.lists(
    st.tuples(st.integers(0, 1), st.one_of(st.lists(rows, min_size=1, max_size=6), st.just([(CLEAR, BID, 0)]))),
    max_size=30,
)


def as_batch(happened: list[tuple[int, list[Row]]]) -> EventBatch:
    table = [
        (instrument, *row, F_MBP | (F_LAST if place == len(event) - 1 else 0))
        for instrument, event in happened
        for place, row in enumerate(event)
    ]
    instrument_id, action, side, price, flags = np.array(table, np.int64).reshape(-1, 5).T
    zeros = np.zeros(len(table), np.int64)
    columns = {"ts_event": zeros, "ts_recv": zeros, "sequence": zeros, "order_id": zeros}
    size = (action == MODIFY).astype(np.int64)
    return EventBatch(
        **columns,
        instrument_id=instrument_id,
        action=action,
        side=side,
        price=price,
        size=size,
        flags=flags,
        instruments=INSTRUMENTS,
    )


def books_after_each_event(batch: EventBatch) -> list[list[set[int]]]:
    """The prices per side of both instruments, by replaying the rows; nothing is truncated here."""
    sides: list[set[int]] = [set() for _ in range(4)]
    after = []
    for row in range(len(batch)):
        instrument = int(batch.instrument_id[row])
        side = sides[2 * instrument + (batch.side[row] == ASK)]
        if batch.action[row] == CLEAR:
            sides[2 * instrument].clear()
            sides[2 * instrument + 1].clear()
        elif batch.action[row] == MODIFY:
            side.add(int(batch.price[row]))
        else:
            side.discard(int(batch.price[row]))
        if batch.flags[row] & F_LAST:
            after.append([set(one) for one in sides])
    return after


def truncated_after_each_event(happened: list[tuple[int, list[Row]]]) -> list[list[set[int]]]:
    sides: list[set[int]] = [set() for _ in range(4)]
    after = []
    for instrument, event in happened:
        for action, side, price in event:
            which = 2 * instrument + (side == ASK)
            if action == CLEAR:
                sides[2 * instrument], sides[2 * instrument + 1] = set(), set()
            elif action == MODIFY:
                sides[which].add(price)
            else:
                sides[which].discard(price)
        for which in (2 * instrument, 2 * instrument + 1):
            best_first = sorted(sides[which], reverse=which % 2 == 0)
            sides[which] = set(best_first[: DEPTHS[instrument]])
        after.append([set(one) for one in sides])
    return after


@settings(max_examples=200)
@given(events, st.integers(0, 30))
def test_is_what_truncating_each_side_after_each_event_gives(happened: list[tuple[int, list[Row]]], cut: int) -> None:
    window = DepthWindow()
    for instrument, depth in enumerate(DEPTHS):
        window.set_depth(instrument, depth)
    trimmed = EventBatch.concat([window.trim(as_batch(happened[:cut])), window.trim(as_batch(happened[cut:]))])
    assert books_after_each_event(trimmed) == truncated_after_each_event(happened)
    assert window.dropped == len(trimmed) - sum(len(event) for _, event in happened)
