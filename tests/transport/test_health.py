"""Missed heartbeats against the reference document's ConnectionHealthMonitor."""

from __future__ import annotations

from hftlab.transport.health import Health


def test_three_silent_checks_are_unhealthy() -> None:
    health = Health(10.0)
    assert not health.is_healthy
    health.hear(0.0)
    for at in (5.0, 10.0, 15.0):
        health.check(at)
    assert health.is_healthy
    assert health.missed == 0
    for at in (20.0, 25.0):
        health.check(at)
    assert health.is_healthy
    health.check(30.0)
    assert not health.is_healthy
    health.hear(31.0)
    assert health.is_healthy
