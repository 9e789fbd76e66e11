"""Recorded sessions for backtests: minutes of the simulated exchange."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from hftlab.clock import Clock
from hftlab.ingest.simulation import record_simulation
from hftlab.session import Session, open_session
from hftlab.session.writer import SessionWriter
from hftlab.simulator import Exchange

__all__ = ["OPENING", "exchange", "levels", "orders"]

OPENING = 1_767_364_200 * 10**9
"""The opening in New York on 2 January 2026."""


def exchange(seed: int = 7, symbols: tuple[str, ...] = ("AAPL",), order_latency: int = 0) -> Exchange:
    """Make an exchange that opens then, on a clock that stands still."""
    return Exchange(seed, symbols, clock=Clock(OPENING, paused=True), order_latency=order_latency)


@cache
def orders(seconds: float = 20, seed: int = 7, symbols: tuple[str, ...] = ("AAPL",)) -> Session:
    """Record a session with order-level events. The same arguments give the same session."""
    return record_simulation(exchange(seed, symbols), seconds, Path(mkdtemp()) / "orders").session


@cache
def levels(seconds: float = 20, seed: int = 7, symbols: tuple[str, ...] = ("AAPL",)) -> Session:
    """Record a session of messages alone: ten levels a side and the trades, ten times a second."""
    folder = Path(mkdtemp()) / "levels"
    source = {"instruments": [one.to_dict() for one in exchange(seed, symbols).instruments]}
    writer = SessionWriter(folder, source=source)
    for segment in exchange(seed, symbols).segments(seconds):
        for at, message in segment.messages:
            writer.append(message, at)
        writer.commit()
    writer.close()
    return open_session(folder)
