"""The cursor goes to any time, and the market there is that of all events up to it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hftlab.server.native.event_cursor import EventCursor
from hftlab.server.native.session_events import SessionEvents
from hftlab.venues.market_state.recorded_market import RecordedMarket
from tests.server.native.recordings import imported_in_parts

pytestmark = pytest.mark.usefixtures("compiled")


def cursor_of(events: SessionEvents) -> tuple[EventCursor, RecordedMarket]:
    market = RecordedMarket({"BTCUSDT": events.instruments[0]})
    return EventCursor(events, [market]), market


def state_of(market: RecordedMarket) -> object:
    state = market.states["BTCUSDT"]
    sides = [market.levels("BTCUSDT", is_bid=is_bid) for is_bid in (True, False)]
    levels = [column.tolist() for side in sides for column in side]
    return state.update_id, state.ts_event, state.has_book, list(state.trades), levels


def test_wherever_it_goes_the_market_is_the_same_as_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back, forward, within a part and over several, taken at once or step by step."""
    events = SessionEvents(imported_in_parts("usdm_btcusdt_20240808", tmp_path, monkeypatch))
    start, end = events.started(0), int(events.load(len(events) - 1).times[-1])
    cursor, market = cursor_of(events)
    dice = random.Random(7)
    position = start
    for _ in range(12):
        target = dice.randint(start - 5, end + 5)
        if target > position and dice.random() < 0.5:
            cursor.take(target)
        else:
            cursor.seek(target)
        position = target
        fresh, expected = cursor_of(events)
        fresh.take(target)
        assert state_of(market) == state_of(expected)
        assert cursor.next_time == fresh.next_time
        assert cursor.next_time is None or cursor.next_time > target


def test_the_first_book_is_known_before_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = SessionEvents(imported_in_parts("spot_btcusdt_20240808", tmp_path, monkeypatch))
    cursor, market = cursor_of(events)
    assert cursor.next_time == events.started(0)
    assert not market.states["BTCUSDT"].has_book
    assert len(market.first_books["BTCUSDT"].bids.ticks) == 1000
