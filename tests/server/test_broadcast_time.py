"""How long broadcasts take, and which are logged."""

from __future__ import annotations

import logging

import pytest

from hftlab.server.broadcast_time import BroadcastTimes


def test_slow_broadcasts_are_logged_but_not_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    broadcasts = BroadcastTimes()
    for seconds in (0.0001, 0.0012, 0.002, 0.5):
        broadcasts.add(seconds)
    assert len(caplog.records) == 1
    assert "milliseconds=1.2" in caplog.text
    assert broadcasts.durations.summary()["count"] == 4
