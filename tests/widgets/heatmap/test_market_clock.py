from __future__ import annotations

import random

import pytest

from hftlab.clock import NANOSECONDS
from hftlab.widgets.heatmap.market_clock import HELD, MarketClock, round_step

START = 1_700_000_000 * NANOSECONDS


def run(clock: MarketClock, speed: float, *, seconds: float = 3.0, jitter: float = 0.0, at: float = 100.0) -> float:
    """Let a market run at a speed, with a message each 100 ms; return the worst error in seconds of the market."""
    chance = random.Random(5)
    base, worst = START + round(at * 1e9), 0.0
    for tick in range(round(seconds * 10)):
        wall = at + tick / 10
        reading = base + round(tick / 10 * speed * 1e9)
        clock.read(wall + chance.uniform(0, jitter), reading)
        between = clock.read(wall + 0.05, reading)
        worst = max(worst, abs(between - (reading + 0.05 * speed * 1e9)) / 1e9) if tick > 10 else worst
    return worst


@pytest.mark.parametrize("speed", [0.1, 1.0, 3.0, 10.0, 100.0])
def test_it_learns_how_fast_the_market_goes(speed):
    clock = MarketClock()
    assert run(clock, speed) < 0.001 * speed
    assert clock.rate == pytest.approx(speed, rel=1e-3)


def test_a_message_that_is_late_does_not_change_the_speed():
    clock = MarketClock()
    run(clock, 1.0, jitter=0.02)
    assert round_step(0.1, clock.rate) == NANOSECONDS // 10


def test_a_jump_does_not_change_the_speed():
    clock = MarketClock()
    run(clock, 1.0, seconds=2)
    clock.read(102.0, START + 5_000 * NANOSECONDS)
    assert clock.rate == pytest.approx(1.0, rel=0.05)


def test_time_goes_on_for_a_while_without_a_message_and_then_stands():
    clock = MarketClock()
    assert clock.read(10.0, START) == START
    assert clock.read(10.5, START) == START + NANOSECONDS // 2
    assert clock.read(99.0, START) == START + round(HELD * NANOSECONDS)


def test_it_never_goes_back_unless_the_market_does():
    clock = MarketClock()
    clock.read(10.0, START)
    ahead = clock.read(10.5, START)
    assert clock.read(10.5, START + 1) == ahead
    assert clock.read(11.0, START - NANOSECONDS) == START - NANOSECONDS


def test_a_market_that_stands_has_no_time():
    clock = MarketClock()
    clock.read(10.0, START, stands=True)
    assert clock.read(10.5, START, stands=True) == START


def test_a_known_speed_is_taken():
    clock = MarketClock()
    clock.read(10.0, START, speed=20.0)
    assert clock.read(10.1, START, speed=20.0) == pytest.approx(START + 2 * NANOSECONDS)


@pytest.mark.parametrize(
    ("rate", "expected"), [(1.0, 100), (1.2, 100), (0.97, 100), (0.1, 10), (2, 200), (3, 500), (10, 1000), (60, 5000)]
)
def test_steps_are_round(rate, expected):
    assert round_step(0.1, rate) == expected * 1_000_000
