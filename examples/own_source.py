"""Serve a source of your own: anything with a name, a clock, symbols, next_time() and advance().

This one is a coin: every tenth of a second its price goes up or down by one tick.
"""

import random

import hftlab as hl
from hftlab.clock import to_milliseconds
from hftlab.protocol import MarketData, MarketDataSymbol

INTERVAL = 100_000_000  # nanoseconds
TICK = 0.01
OPEN = 100.0


class Coin:
    """A price that a coin moves; the same seed makes the same prices."""

    name = "coin"
    recorded = False
    symbols = ("COIN",)

    def __init__(self, seed: int) -> None:
        self.clock = hl.Clock()
        self._random = random.Random(seed)
        self._next = self.clock.now()
        self._price = self._high = self._low = OPEN

    def next_time(self) -> int:
        return self._next

    def advance(self, until: int) -> list[MarketData]:
        due = []
        while self._next <= until:
            self._price = round(self._price + self._random.choice((-TICK, TICK)), 2)
            self._high, self._low = max(self._high, self._price), min(self._low, self._price)
            due.append(MarketData(timestamp=to_milliseconds(self._next), symbols=[self._state()]))
            self._next += INTERVAL
        return due

    def _state(self) -> MarketDataSymbol:
        return MarketDataSymbol(
            symbol="COIN",
            exchange="HOME",
            price=self._price,
            bid=round(self._price - TICK, 2),
            ask=round(self._price + TICK, 2),
            bid_size=100.0,
            ask_size=100.0,
            volume=0.0,
            change=round(self._price - OPEN, 2),
            change_percent=round((self._price / OPEN - 1) * 100, 4),
            high=self._high,
            low=self._low,
            open=OPEN,
            previous_close=OPEN,
            timestamp=to_milliseconds(self._next),
        )


def main() -> None:
    with hl.serve(Coin(seed=7), port=0) as server, hl.connect(server.url) as client:
        client.subscribe(["COIN"], frequency=0)
        client.messages(count=5)
        state = client.latest("COIN")
        assert state is not None
        print(f"{state.symbol}: {state.bid} / {state.ask}, between {state.low} and {state.high}")


if __name__ == "__main__":
    main()
