"""cryptofeed pointed at a recording, as a program: MARKET STREAMS REQUESTS UPDATES DEPTH.

Prints the books that it had, each with its update id and so many levels a side, and its trades, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, WebsocketEndpoint
from cryptofeed.defines import L2_BOOK, TRADES
from cryptofeed.exchanges import Binance, BinanceFutures


def main(market: str, streams: str, requests: str, updates: int, depth: int) -> dict[str, Any]:
    theirs = Binance if market == "spot" else BinanceFutures
    books: list[Any] = []
    trades: list[Any] = []
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    class Replayed(theirs):
        websocket_endpoints = [WebsocketEndpoint(streams)]  # noqa: RUF012
        rest_endpoints = [RestEndpoint(requests, routes=theirs.rest_endpoints[0].routes)]  # noqa: RUF012

    async def note_book(book: Any, _: float) -> None:
        if len(books) < updates:
            sides = (book.book.bids, book.book.asks)
            tops = [[list(map(str, side.index(at))) for at in range(min(depth, len(side)))] for side in sides]
            books.append((book.sequence_number, *tops))
        elif trades:
            loop.stop()

    async def note_trade(trade: Any, _: float) -> None:
        trades.append((int(trade.id), str(trade.price)))

    handler = FeedHandler(config={"log": {"disabled": True}, "uvloop": False})
    callbacks = {L2_BOOK: note_book, TRADES: note_trade}
    symbol = "BTC-USDT" if market == "spot" else "BTC-USDT-PERP"
    handler.add_feed(Replayed(symbols=[symbol], channels=[L2_BOOK, TRADES], callbacks=callbacks, max_depth=0))
    handler.run(start_loop=False, install_signal_handlers=False)
    loop.run_forever()
    handler.stop(loop)
    return {"books": books, "trades": trades}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4], *map(int, sys.argv[4:]))))  # noqa: T201
