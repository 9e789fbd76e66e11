"""Recorded market data for the tests of analyses, and the messages that it was made of."""

from __future__ import annotations

import random
from pathlib import Path

from hftlab.protocol import MarketData, Side, Trade
from hftlab.session import Session
from tests.protocol.conftest import symbol
from tests.session.sessions import Received, write_session

START_MS = 1_767_364_200_000.0
US = 1_000
MS = 1_000_000


def messages(seed: int = 11, count: int = 400) -> list[Received]:
    """Make messages of three symbols on two channels, with empty sides, gaps, snapshots, trades and latencies."""
    chance = random.Random(seed)
    received: list[Received] = []
    sequences = {1: 0, 2: 0}
    now = START_MS
    for _ in range(count):
        now += chance.choice([0.0, 0.001, 0.25, 3.0, 40.0])
        channel = chance.choice([1, 2])
        snapshot = chance.random() < 0.05
        if not snapshot:
            sequences[channel] += chance.choice([1, 1, 1, 1, 3])
        sent = round(now + chance.choice([0.05, 0.4, 12.0, -0.2]), 3)
        names = chance.sample(["A", "B", "C"], chance.randint(1, 3))
        message = MarketData(
            timestamp=sent,
            channel=channel,
            sequence=sequences[channel],
            snapshot=snapshot,
            symbols=[_state(chance, name, round(now, 3)) for name in names],
        )
        received.append((round(sent * US) * US + chance.randint(0, 5 * MS), message))
    received.sort(key=lambda pair: pair[0])
    return received


def _state(chance: random.Random, name: str, now: float) -> object:
    bid = chance.choice([0.0, 99.5, round(chance.uniform(90, 100), 2)])
    ask = chance.choice([0.0, 100.5, round(chance.uniform(100, 110), 2)])
    trades = [
        Trade(
            price=round(chance.uniform(90, 110), 2),
            size=float(chance.randint(1, 9)),
            timestamp=round(now - chance.random(), 3),
            side=chance.choice(list(Side)),
        )
        for _ in range(chance.choice([0, 0, 1, 3]))
    ]
    sizes = {"bid_size": float(chance.choice([0, 5, 70])), "ask_size": float(chance.choice([0, 5, 30]))}
    return symbol(name, bid=bid, ask=ask, **sizes, timestamp=now, trades=trades or chance.choice([None, []]))


def record(folder: Path, received: list[Received]) -> Session:
    return write_session(folder, received, segment_bytes=20_000)
