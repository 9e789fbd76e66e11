"""Test code that uses a client: the test plays the server, and time takes no time."""

from __future__ import annotations

import hftlab as hl
from hftlab.testing import FakeClient, market_data, virtual_time


class SpreadAlarm:
    """Counts how often the spread of a symbol has become wider than a limit."""

    def __init__(self, client: hl.Client, symbol: str, limit: float) -> None:
        self.count, self._is_wide = 0, False
        self._client, self._symbol, self._limit = client, symbol, limit
        client.on("message", self._look)

    def _look(self, _: object) -> None:
        latest = self._client.latest(self._symbol)
        is_wide = latest is not None and latest.ask - latest.bid > self._limit
        self.count += is_wide and not self._is_wide
        self._is_wide = is_wide


@virtual_time
async def test_each_widening_counts_once() -> None:
    async with FakeClient(symbols=["AAPL"]) as client:
        alarm = SpreadAlarm(client, "AAPL", limit=0.05)
        for ask in (100.02, 100.20, 100.30, 100.02, 100.20):
            await client.simulate_message(market_data("AAPL", bid=100.0, ask=ask))
        assert alarm.count == 2


@virtual_time
async def test_it_goes_on_after_an_outage() -> None:
    async with FakeClient(symbols=["AAPL"]) as client:
        alarm = SpreadAlarm(client, "AAPL", limit=0.05)
        await client.subscribe(["AAPL"])
        await client.simulate_error()
        await client.advance(60)
        assert client.script.types.count("SUBSCRIBE") == 2
        await client.simulate_message(market_data("AAPL", bid=100.0, ask=100.2))
        assert alarm.count == 1


if __name__ == "__main__":
    test_each_widening_counts_once()
    test_it_goes_on_after_an_outage()
    print("both tests passed; pytest runs them as well")
