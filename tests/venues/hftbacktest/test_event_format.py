from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.hftbacktest import event_format as form

TIMES = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=40)


def events_of(times: list[tuple[int, int]], mode: form.Times) -> Any:
    """Events numbered by order_id, received in their order."""
    events = np.zeros(len(times), form.EVENT_DTYPE)
    event, recv = np.array(times, np.int64).reshape(-1, 2).T
    events["exch_ts"], events["local_ts"] = form.venue_and_local(event, recv, mode, 0)
    events["order_id"] = np.arange(len(times))
    return events


@given(TIMES, st.sampled_from(["causal", "recorded"]))
def test_every_event_is_once_at_the_venue_and_once_here_in_both_orders(
    times: list[tuple[int, int]], mode: form.Times
) -> None:
    events = events_of(times, mode)
    rows = form.in_order(events)
    at_venue, here = rows[rows["ev"] & form.EXCH != 0], rows[rows["ev"] & form.LOCAL != 0]
    assert (np.diff(at_venue["exch_ts"]) >= 0).all()
    assert (np.diff(here["local_ts"]) >= 0).all()
    assert here["order_id"].tolist() == list(range(len(times)))
    by_venue = sorted(range(len(times)), key=lambda number: (events["exch_ts"][number], number))
    assert at_venue["order_id"].tolist() == by_venue
    assert (events["exch_ts"] <= events["local_ts"]).all()
    if mode == "causal":
        assert len(rows) == len(times)


@given(TIMES)
def test_hftbacktest_itself_finds_no_fault(times: list[tuple[int, int]]) -> None:
    validation = pytest.importorskip("hftbacktest.data.validation", exc_type=ImportError)
    validation.validate_event_order(form.in_order(events_of(times, "recorded")))


def test_the_format_is_that_of_hftbacktest() -> None:
    types = pytest.importorskip("hftbacktest.types", exc_type=ImportError)
    assert types.event_dtype == form.EVENT_DTYPE
    assert (form.EXCH, form.LOCAL) == (types.EXCH_EVENT, types.LOCAL_EVENT)
    assert (form.BUY, form.SELL) == (types.BUY_EVENT, types.SELL_EVENT)
    names = ("DEPTH", "TRADE", "DEPTH_CLEAR", "DEPTH_SNAPSHOT", "DEPTH_BBO", "ADD_ORDER", "CANCEL_ORDER")
    for name in (*names, "MODIFY_ORDER", "FILL"):
        assert getattr(form, name) == getattr(types, f"{name}_EVENT")


def test_the_feed_takes_its_time() -> None:
    happened, received = form.venue_and_local(np.array([5, 1]), np.array([6, 4]), "causal", 100)
    assert happened.tolist() == [5, 5]
    assert received.tolist() == [106, 106]
