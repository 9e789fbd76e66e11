"""Makes the recordings in this folder: python data/make.py [FOLDER]. Every run gives the same messages."""

import math
import sys
from pathlib import Path

from hftlab.clock import NANOSECONDS, Clock
from hftlab.protocol import OrderType, Side
from hftlab.session import SessionWriter
from hftlab.simulator import Exchange, RandomWalk
from hftlab.trading.venue import Cancel, New, OrderTerms

START = 1_767_364_200 * NANOSECONDS  # 2026-01-02 14:30 UTC, when New York opens
UNIT = 10**9  # prices and quantities are integers of 1e-9

WALK_SECONDS = 30
FLASH_SECONDS = 240
FLASH_AT = 120
"""Seconds after the start at which the seller begins."""
FALL = 0.012
"""Share of the price by which it falls."""


def make_walk(folder: Path) -> None:
    """Record thirty seconds of the random walk, each message received at the time it was sent."""
    walk = RandomWalk(7, clock=Clock(START, paused=True))
    writer = SessionWriter(folder, source={"name": walk.name, "kind": "simulator", "seed": 7}, overwrite=True)
    while (at := walk.next_time()) < START + WALK_SECONDS * NANOSECONDS:
        for message in walk.advance(at):
            writer.append(message, at)
    writer.close()


def make_flash(folder: Path) -> None:
    """Record four minutes of the simulated exchange, in which AAPL falls by more than a percent and comes back.

    A seller of the exchange's own order entry offers 20,000 shares, each tenth of a second at another price: lower and
    lower for three seconds, then higher again. Who bids more than that trades with it.
    """
    exchange = Exchange(7, ["AAPL", "MSFT", "NVDA"], clock=Clock(START, paused=True))
    writer = SessionWriter(folder, source={"name": exchange.name, "kind": "simulator", "seed": 7}, overwrite=True)
    before, sent = 0, 0
    while (at := exchange.next_time()) < START + FLASH_SECONDS * NANOSECONDS:
        while (send_at := START + FLASH_AT * NANOSECONDS + sent * NANOSECONDS // 10) <= at and sent < 230:
            before = before or exchange.reference_price("AAPL") or 0
            if sent:
                exchange.submit("seller", Cancel(f"offer-{sent - 1}"), send_at)
            if sent < 229:
                cents = round(before * (1 - fallen(sent / 10)) / (UNIT // 100))
                exchange.submit("seller", New(f"offer-{sent}", offer(cents * (UNIT // 100))), send_at)
            sent += 1
        for message in exchange.advance(at):
            writer.append(message, at)
    writer.close()


def fallen(seconds: float) -> float:
    """By what share the seller's price has fallen so many seconds after it began."""
    if seconds < 4:
        return FALL * min(1.0, (seconds / 3) ** 2)
    return FALL * math.exp((4 - seconds) / 5)


def offer(price: int) -> OrderTerms:
    return OrderTerms(symbol="AAPL", side=Side.SELL, type=OrderType.LIMIT, quantity=20_000 * UNIT, price=price)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    make_walk(target / "walk")
    make_flash(target / "flash")
