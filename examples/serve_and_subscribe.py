"""Serve simulated market data and subscribe to it, in asynchronous code.

A notebook or a plain script would call hl.serve() and hl.connect() instead, which wait by themselves.
"""

import asyncio

import hftlab as hl


async def main() -> None:
    async with hl.Server(hl.simulator.RandomWalk(seed=7), port=0) as server, hl.Client(server.url) as client:
        await client.subscribe(["AAPL", "MSFT"], data_types=["QUOTES", "ORDER_BOOK"], frequency=0)
        received = 0
        async for message in client:
            if isinstance(message, hl.protocol.MarketData):
                quotes = {state.symbol: (state.bid, state.ask) for state in message.symbols}
                print(message.sequence, quotes)
                received += 1
            if received == 5:
                break
        print(client.book("AAPL"))
        assert client.metrics.messages_lost == 0


if __name__ == "__main__":
    asyncio.run(main())
