"""Requests for market data by HTTP: what each path answers.

Source: Kraken, "Spot REST", Market Data. Every answer has status 200, `error` says what was wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from hftlab.instruments import UNIT
from hftlab.venues.kraken.api.channel_set import ChannelSet
from hftlab.venues.kraken.api.instrument_list import asset_answers, pair_answers
from hftlab.venues.kraken.api.pair_writer import PairWriter
from hftlab.venues.market_state.level_differences import Levels
from hftlab.venues.market_state.recorded_market import SymbolState, Trade

__all__ = ["MarketRequests"]

_PUBLIC: Final = "/0/public/"
_DEPTH: Final = 100
_MOST_DEPTH: Final = 500
_TRADES: Final = 1000
_FORMATTED: Final = "%a, %d %b %y %H:%M:%S +0000"


class _BadRequest(Exception):
    """Answer that says what was wrong, in Kraken's words."""


class MarketRequests:
    """Requests to the market of a recording. `clock` gives the time of the recording (ns)."""

    def __init__(self, channels: ChannelSet[Any], clock: Callable[[], int]) -> None:
        self._channels, self._clock = channels, clock
        self._endpoints: dict[str, Callable[[dict[str, str]], Any]] = {
            "Time": self._time,
            "SystemStatus": self._status,
            "Assets": lambda _: asset_answers(self._writers),
            "AssetPairs": lambda parameters: pair_answers(self._chosen(parameters)),
            "Depth": self._depth,
            "Trades": self._trades,
            "Ticker": lambda parameters: {one.name.id: self._ticker(one) for one in self._chosen(parameters)},
        }

    @property
    def _writers(self) -> list[PairWriter]:
        return list(self._channels.writers.values())

    def answer(self, target: str) -> bytes | None:
        """Answer a GET of a target; None for one that is not Kraken's."""
        split = urlsplit(target)
        if not split.path.startswith(_PUBLIC):
            return None
        endpoint = self._endpoints.get(split.path.removeprefix(_PUBLIC))
        try:
            if endpoint is None:
                raise _BadRequest("EGeneral:Unknown method")
            answer = {"error": [], "result": endpoint(dict(parse_qsl(split.query, keep_blank_values=True)))}
        except _BadRequest as error:
            answer = {"error": [str(error)]}
        return json.dumps(answer).encode()

    def _time(self, _: dict[str, str]) -> dict[str, Any]:
        seconds = self._clock() // UNIT
        return {"unixtime": seconds, "rfc1123": datetime.fromtimestamp(seconds, UTC).strftime(_FORMATTED)}

    def _status(self, _: dict[str, str]) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._clock() // UNIT, UTC)
        return {"status": "online", "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ")}

    # --- the book and trades ---

    def _depth(self, parameters: dict[str, str]) -> dict[str, Any]:
        writer = self._one(parameters)
        count = min(_whole(parameters, "count", _DEPTH), _MOST_DEPTH)
        state = writer.state
        if state.has_book:
            recorded = self._channels.recorded
            bids, asks = (recorded.levels(state.symbol, is_bid=is_bid, depth=count) for is_bid in (True, False))
        elif (first := self._channels.recorded.first_books.get(state.symbol)) is not None and not state.update_id:
            state, bids, asks = first.state, first.bids, first.asks
        else:
            raise _BadRequest("EService:Unavailable")
        sides = {"asks": asks, "bids": bids}
        return {writer.name.id: {name: _levels(writer, side, state, count) for name, side in sides.items()}}

    def _trades(self, parameters: dict[str, str]) -> dict[str, Any]:
        writer = self._one(parameters)
        trades = list(writer.state.trades)[-min(_whole(parameters, "count", _TRADES), _TRADES) :]
        last = trades[-1].ts_event if trades else self._clock()
        return {writer.name.id: [_trade(writer, one) for one in trades], "last": str(last)}

    def _ticker(self, writer: PairWriter) -> dict[str, Any]:
        state, price, size = writer.state, writer.price, writer.size
        recorded = self._channels.recorded
        best = [recorded.levels(state.symbol, is_bid=is_bid, depth=1) for is_bid in (False, True)]
        ask, bid = (_best(writer, side) for side in best)
        day = state.day.day(state.trades[-1].ts_event) if state.trades else None
        if day is None:
            zero, nothing = price(0), size(0)
            told = [zero, nothing], [nothing] * 2, [zero] * 2, [0, 0], [zero] * 2, [zero] * 2, zero
        else:
            vwap = price(day.turnover // day.lots if day.lots else day.close)
            volume, count = size(day.lots), day.trades
            told = (
                [price(day.close), size(day.last_lots)],
                [volume] * 2,
                [vwap] * 2,
                [count] * 2,
                [price(day.low)] * 2,
                [price(day.high)] * 2,
                price(day.open),
            )
        return {"a": ask, "b": bid} | dict(zip("cvptlho", told, strict=True))

    # --- parameters ---

    def _chosen(self, parameters: dict[str, str]) -> list[PairWriter]:
        names = parameters.get("pair")
        return self._writers if not names else [self._named(name) for name in names.split(",")]

    def _one(self, parameters: dict[str, str]) -> PairWriter:
        if not parameters.get("pair"):
            raise _BadRequest("EGeneral:Invalid arguments")
        return self._named(parameters["pair"])

    def _named(self, text: str) -> PairWriter:
        """Return the pair of any of its names: XXBTZUSD, XBTUSD, XBT/USD, BTC/USD, BTCUSD."""
        for writer in self._writers:
            name = writer.name
            known = {name.id, name.alt_name, name.ws_name, name.symbol, f"{name.base}{name.quote}"}
            if text.upper() in known:
                return writer
        raise _BadRequest("EQuery:Unknown asset pair")


def _whole(parameters: dict[str, str], name: str, default: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not int(text[:9]) > 0:
        raise _BadRequest("EGeneral:Invalid arguments")
    return int(text[:9])


def _levels(writer: PairWriter, levels: Levels, state: SymbolState, count: int) -> list[list[Any]]:
    """Write levels; the time of each is that of the book, as a recording does not have its own."""
    tick, time = state.instrument.tick, state.ts_event // UNIT
    rows = zip(levels.ticks[:count].tolist(), levels.lots[:count].tolist(), strict=True)
    return [[writer.price(ticks * tick), writer.size(lots), time] for ticks, lots in rows]


def _best(writer: PairWriter, levels: Levels) -> list[str]:
    ticks, lots = (int(levels.ticks[0]), int(levels.lots[0])) if len(levels.ticks) else (0, 0)
    size = writer.size(lots)
    return [writer.price(ticks * writer.state.instrument.tick), size.partition(".")[0], size]


def _trade(writer: PairWriter, trade: Trade) -> list[Any]:
    side = "s" if trade.buyer_is_maker else "b"
    time = trade.ts_event / UNIT
    return [writer.price(trade.price), writer.size(trade.lots), time, side, "l", "", trade.number]
