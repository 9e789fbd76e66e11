"""Events of sessions and their numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hftlab.server.native.session_events import SessionEvents
from tests.server.native.recordings import imported_in_parts, simulated

pytestmark = pytest.mark.usefixtures("compiled")


def test_a_capture_of_binance_keeps_the_venues_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Part after part, the update ids and the ids of trades are those of the table."""
    session = imported_in_parts("spot_btcusdt_20240808", tmp_path, monkeypatch)
    events = SessionEvents(session)
    parts = [events.load(part) for part in range(len(events))]
    assert len(parts) > 2
    assert np.concatenate([part.numbers for part in parts]).tolist() == session.events.collect()["sequence"].to_list()
    assert [events.started(part) for part in range(len(events))] == [int(part.times[0]) for part in parts]
    assert all((np.diff(part.times) >= 0).all() for part in parts)


def test_elsewhere_an_event_is_numbered_by_its_place(tmp_path: Path) -> None:
    events = SessionEvents(simulated(tmp_path, 0.2))
    assert events.load(0).numbers.tolist() == list(range(1, len(events.load(0).batch) + 1))
