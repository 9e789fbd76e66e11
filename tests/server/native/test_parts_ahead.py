"""Parts are the same whether they were read ahead or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.server.native.parts_ahead import PartsAhead
from hftlab.server.native.session_events import SessionEvents
from tests.server.native.recordings import imported_in_parts

pytestmark = pytest.mark.usefixtures("compiled")


def test_in_any_order_a_part_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = SessionEvents(imported_in_parts("spot_btcusdt_20240808", tmp_path, monkeypatch))
    ahead = PartsAhead(events)
    assert (len(ahead), ahead.instruments, ahead.started(1)) == (len(events), events.instruments, events.started(1))
    for part in (0, 1, 2, 0, 2, len(events) - 1, 1):
        assert ahead.load(part).numbers.tolist() == events.load(part).numbers.tolist()
