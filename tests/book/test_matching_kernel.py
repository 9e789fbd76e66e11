"""The compiled engine against the slow one, row for row."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings

from hftlab.events import ASK, BID
from tests.book.matching_streams import (
    SHARES,
    STREAMS,
    Step,
    compiled_run,
    entries_of,
    event_rows,
    fill_rows,
    random_stream,
    reference_run,
    update_rows,
)


def agree(stream: Sequence[Step], *, halts: bool) -> None:
    entries = entries_of(stream)
    expected = reference_run(entries, halts=halts)
    engine, result = compiled_run(entries, halts=halts)
    assert update_rows(result) == expected.updates
    assert fill_rows(result) == expected.fills
    assert event_rows(result) == expected.events
    for share, book in zip(SHARES, expected.books, strict=True):
        for side, is_bid in ((BID, True), (ASK, False)):
            assert [(one.id, one.owner, one.price, one.size) for one in engine[share].queue(side)] == [
                (order.id, order.owner, order.price, order.shown) for order in book.queue(is_bid) if order.is_public
            ]
    assert len(engine) == sum(len(book.orders) + len(book.stops) for book in expected.books)
    assert engine.next_id == expected.next_id


@pytest.mark.parametrize("halts", [True, False])
@settings(max_examples=100)
@given(stream=STREAMS)
def test_every_event_fill_and_update_is_the_references(stream: list[Step], halts: bool) -> None:
    agree(stream, halts=halts)


@pytest.mark.parametrize("seed", range(20))
def test_so_it_is_in_longer_streams(seed: int) -> None:
    agree(random_stream(seed, 400), halts=seed % 2 == 0)
