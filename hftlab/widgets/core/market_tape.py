"""The newest trades and best prices of a client's symbols, as one tape that all views of the client read."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import nan
from typing import Any, Final, NamedTuple, Protocol

from hftlab.clock import from_milliseconds
from hftlab.protocol.enums import DataType, Side
from hftlab.protocol.market_data import MarketData, MarketDataSymbol, Trade
from hftlab.protocol.messages import ChannelInfo, ReplayStatus

__all__ = ["TRADES", "MarketTape", "Print", "Quote", "SymbolTape", "Tail", "tape_of"]

TRADES: Final = 20_000
QUOTES: Final = 20_000
QUOTE_STEP: Final = 50_000_000
"""Nanoseconds: of quotes nearer to each other only the newest is kept."""
REWIND: Final = 1_000_000_000
"""Nanoseconds: a time this much earlier means that a replay has gone back, and the tape starts anew."""


class Print(NamedTuple):
    """A trade on the tape: `ts_event` in ns, `sign` 1 for a buyer's, -1 for a seller's."""

    ts_event: int
    price: float
    size: float
    sign: int


class Quote(NamedTuple):
    """Best prices at `ts_event` ns, and the last price; NaN is an empty side or unknown."""

    ts_event: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    last: float


class Tail(NamedTuple):
    """The newest trades of a tape, newest first; the newest has the number `printed`, counted from 1.

    The first `forgotten` of them are from before a replay went back.
    """

    epoch: int
    printed: int
    trades: list[Print]
    forgotten: int = 0


@dataclass(slots=True)
class SymbolTape:
    """One symbol's trades and quotes, oldest first; its methods may be called from any thread.

    `printed` counts the trades since the start, also those that are no longer kept; `epoch` grows when a replay has
    gone back in time and everything was forgotten.
    """

    trades: deque[Print] = field(default_factory=lambda: deque(maxlen=TRADES))
    quotes: deque[Quote] = field(default_factory=lambda: deque(maxlen=QUOTES))
    printed: int = 0
    epoch: int = 0
    has_every_trade: bool = False
    """True if the messages carry every trade (the data type TRADES); else the last one of each is known."""
    last: tuple[float, float, float] | None = None
    has_jumped: bool = False
    """True if a replay has gone to another time since the last state: even a little earlier is back then."""
    since: int = 0
    """Time of the first state after the last jump of a replay in ns, 0 without one: what was before was skipped."""
    forgotten: int = 0
    """Trades of before a replay went back: `printed` counts them, and the tape does not have them."""
    guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def newest_trades(self, count: int) -> list[Print]:
        """The newest trades, newest first."""
        return self.tail(count).trades

    def tail(self, count: int) -> Tail:
        """The newest trades, newest first, and their number, of one moment."""
        with self.guard:
            return Tail(self.epoch, self.printed, list(islice(reversed(self.trades), count)), self.forgotten)

    def quotes_since(self, ts_event: int) -> list[Quote]:
        """The quotes at and after a time in ns, oldest first, and the one before them."""
        found = []
        with self.guard:
            for quote in reversed(self.quotes):
                found.append(quote)
                if quote.ts_event < ts_event:
                    break
        return found[::-1]

    def is_doubtful(self, last: Trade | None) -> bool:
        """Tell whether a state without a list of trades may show that `has_every_trade` is wrong.

        It is the first one, or its last trade did not come as one of all: TRADES is no longer subscribed to then,
        unless it comes later, in another channel.
        """
        with self.guard:
            if not self.quotes or not self.has_every_trade or last is None:
                return not self.quotes
            return not self.trades or from_milliseconds(last.timestamp) > self.trades[-1].ts_event

    def take(self, state: MarketDataSymbol) -> None:
        """Take in one state of the symbol."""
        with self.guard:
            self._take(state)

    def _take(self, state: MarketDataSymbol) -> None:
        now = from_milliseconds(state.timestamp)
        if self.quotes and now < self.quotes[-1].ts_event - (0 if self.has_jumped else REWIND):
            self.trades.clear()
            self.quotes.clear()
            self.last = None
            self.epoch += 1
            self.since, self.forgotten = now, self.printed
        elif self.has_jumped:
            self.since = now
        self.has_jumped = False
        quote = Quote(now, state.bid or nan, state.ask or nan, state.bid_size, state.ask_size, state.price)
        if len(self.quotes) > 1 and now - self.quotes[-2].ts_event < QUOTE_STEP:
            self.quotes[-1] = quote
        else:
            self.quotes.append(quote)
        if state.trades is not None:
            self.has_every_trade = True
            self._print(state.trades)
        elif not self.has_every_trade and (trade := state.last_trade) is not None:
            identity = (trade.timestamp, trade.price, trade.size)
            if identity != self.last:
                self.last = identity
                self._print([trade])

    def _print(self, trades: Iterable[Trade]) -> None:
        for trade in trades:
            sign = 1 if trade.side == Side.BUY else -1
            self.trades.append(Print(from_milliseconds(trade.timestamp), trade.price, trade.size, sign))
            self.printed += 1


class Source(Protocol):
    """A client whose messages can be followed."""

    @property
    def channels(self) -> Sequence[ChannelInfo]: ...
    def on(self, event: str, callback: Callable[..., object], /) -> Callable[[], None]: ...


class MarketTape:
    """The tapes of all symbols of one client; it follows the client's messages from when it is made."""

    def __init__(self, client: Source) -> None:
        self._symbols: dict[str, SymbolTape] = {}
        self._client = weakref.ref(client)
        # The client must not keep the tape, nor what uses it, alive.
        itself = weakref.ref(self)

        def follow(message: object) -> None:
            tape = itself()
            if tape is None:
                return
            if isinstance(message, MarketData):
                tape.take(message)
            elif isinstance(message, ReplayStatus) and message.reset:
                tape.jump()

        weakref.finalize(self, client.on("message", follow)).atexit = False

    def symbol(self, name: str) -> SymbolTape:
        """The tape of one symbol, empty before its first message."""
        tape = self._symbols.get(name)
        if tape is None:
            new = SymbolTape(has_every_trade=self._gets_every_trade(name, believed=False))
            tape = self._symbols.setdefault(name, new)
        return tape

    def jump(self) -> None:
        """Note that a replay has gone to another time."""
        for tape in list(self._symbols.values()):
            tape.has_jumped = True

    def take(self, message: MarketData) -> None:
        """Take in one message; called on the client's thread."""
        for state in message.symbols:
            tape = self.symbol(state.symbol)
            if state.trades is None and tape.is_doubtful(state.last_trade):
                tape.has_every_trade = self._gets_every_trade(state.symbol, believed=tape.has_every_trade)
            tape.take(state)

    def _gets_every_trade(self, symbol: str, *, believed: bool) -> bool:
        """Tell whether TRADES is subscribed to, as far as the server names its channels."""
        client = self._client()
        channels = () if client is None else client.channels
        named = [each for each in channels if symbol in each.symbols]
        return any(DataType.TRADES in each.data_types for each in named) if named else believed


_tapes: Final[weakref.WeakKeyDictionary[Any, weakref.ref[MarketTape]]] = weakref.WeakKeyDictionary()


def tape_of(client: Source) -> MarketTape:
    """Return the tape of a client, the same one for all views that keep it."""
    kept = _tapes.get(client)
    tape = None if kept is None else kept()
    if tape is None:
        tape = MarketTape(client)
        _tapes[client] = weakref.ref(tape)
    return tape
