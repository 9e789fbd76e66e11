"""Replay controls as messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from hftlab.protocol import ReplayControl, ReplayState, ReplayStatus
from hftlab.protocol.replay_controls import ReplayControls

STATUS = ReplayStatus(timestamp=1.0, state=ReplayState.PAUSED, position=2.5)


def controls(sent: list[ReplayControl]) -> ReplayControls:
    async def send(request: ReplayControl) -> None:
        sent.append(request)

    return ReplayControls(send, lambda: STATUS if sent else None)


@pytest.mark.parametrize(
    ("call", "action", "argument"),
    [
        (lambda replay: replay.pause(), "PAUSE", None),
        (lambda replay: replay.resume(), "RESUME", None),
        (lambda replay: replay.step(3), "STEP", 3),
        (lambda replay: replay.step("3ms"), "STEP", 3.0),
        (lambda replay: replay.step(seconds=0.003), "STEP", 3.0),
        (lambda replay: replay.resume(loop=True), "RESUME", True),
        (lambda replay: replay.seek_message(7), "SEEK", 7),
        (lambda replay: replay.seek(5_000_000), "SEEK", 5.0),
        (lambda replay: replay.seek(5_000_001), "SEEK", 5.001),
        (lambda replay: replay.seek(-7), "SEEK", 0.001),
        (lambda replay: replay.set_speed(10.0), "SPEED", 10.0),
        (lambda replay: replay.set_speed(float("inf")), "SPEED", None),
    ],
)
async def test_each_call_is_one_command(
    call: Callable[[ReplayControls], Awaitable[ReplayStatus | None]], action: str, argument: float | None
) -> None:
    """Positions are rounded up to microseconds, and sent in ms."""
    sent: list[ReplayControl] = []
    assert await call(controls(sent)) is STATUS
    (request,) = sent
    assert request.action == action
    given = {
        request.count,
        request.position,
        request.speed,
        request.duration,
        request.sequence,
        request.loop,
    } - {None}
    assert given == ({argument} - {None})


async def test_the_position_is_in_nanoseconds() -> None:
    replay = controls([])
    assert (replay.status, replay.position) == (None, None)
    await replay.pause()
    assert (replay.status, replay.position) == (STATUS, 2_500_000)
