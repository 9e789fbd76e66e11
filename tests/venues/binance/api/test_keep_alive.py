"""Pings, pongs and the connection that does not answer."""

from __future__ import annotations

from hftlab.venues.binance.api.keep_alive import Due, KeepAlive


def test_it_pings_each_interval_as_long_as_there_are_pongs() -> None:
    alive = KeepAlive(20, 60, now=0)
    for now in range(20, 400, 20):
        assert alive.deadline == now
        assert alive.due(now - 1) is None
        assert alive.due(now) is Due.PING
        alive.ponged()


def test_it_ends_a_minute_after_the_first_ping_without_a_pong() -> None:
    alive = KeepAlive(20, 60, now=0)
    assert [alive.due(now) for now in (20, 40, 60)] == [Due.PING] * 3
    assert alive.deadline == 80
    assert alive.due(80) is Due.NO_PONG


def test_a_late_pong_is_in_time_for_all_before() -> None:
    alive = KeepAlive(20, 60, now=0)
    alive.due(20)
    alive.due(40)
    alive.ponged()
    assert alive.due(80) is Due.PING
    assert alive.due(139) is Due.PING
    assert alive.due(140) is Due.NO_PONG
