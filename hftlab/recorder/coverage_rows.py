"""Rows of the control table that say which symbols a recording covers: see hftlab.session.coverage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, TypeAlias

from hftlab.client import Client
from hftlab.protocol import Ack, Arbitrage, BookDelta, ChannelInfo, DataType, Gap, MarketData, Message
from hftlab.protocol.order_messages import PRIVATE_CHANNEL
from hftlab.protocol.subscribing.loss import Loss
from hftlab.source import Timed

__all__ = ["ClientCoverage", "ServerCoverage"]

_Control: TypeAlias = Callable[..., None]
"""Recording.control(): event, time (ns) and columns of one row."""

_STATELESS: Final = frozenset({DataType.TRADES, DataType.ARBITRAGE})
"""Data types without a snapshot: what is missing of them is over with the next message of the connection."""


class _Waiting:
    """Symbols whose state has to come anew, and the rows that say that it has."""

    def __init__(self, control: _Control) -> None:
        self._control = control
        self._since: dict[str, int | None] = {}
        self._needs_snapshot: set[str] = set()

    def add(self, symbols: Iterable[str], since: int | None, *, needs_snapshot: bool = False) -> None:
        """Wait for symbols that are not covered since a time (ns), or since their newest row (None)."""
        for symbol in symbols:
            if symbol not in self._since or since is None:
                self._since[symbol] = since
            if needs_snapshot:
                self._needs_snapshot.add(symbol)
            else:
                self._needs_snapshot.discard(symbol)

    def forget(self, symbols: Iterable[str]) -> None:
        """Wait for symbols no longer."""
        for symbol in symbols:
            self._since.pop(symbol, None)
            self._needs_snapshot.discard(symbol)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._since

    def __bool__(self) -> bool:
        return bool(self._since)

    def resume(self, symbols: Iterable[str], at: int, channel: int | None = None, *, is_snapshot: bool = False) -> None:
        """Write the rows that tell of symbols whose state has come at `at` (ns)."""
        back: defaultdict[int | None, list[str]] = defaultdict(list)
        for symbol in symbols:
            if symbol in self._since and (is_snapshot or symbol not in self._needs_snapshot):
                back[self._since[symbol]].append(symbol)
        for since, some in back.items():
            self.forget(some)
            span = {} if since is None else {"ts_from": since, "ts_to": at}
            self._control("resync", at, symbols=sorted(some), channel=channel, **span)


class ClientCoverage:
    """Writes the rows of one client's recording.

    Tell it of every message before the message is recorded, of every loss after the message that shows it, and of the
    connection's end. Times are int64 ns.
    """

    def __init__(self, client: Client, control: _Control, now: int) -> None:
        self._client, self._control = client, control
        self._waiting = _Waiting(control)
        self._channels: dict[int, ChannelInfo] = {info.channel: info for info in client.channels}
        self._covered: set[str] = set()
        """Symbols that the rows say are subscribed to, also while they wait."""
        self._unseen: set[str] = set()
        """Covered symbols without a message so far."""
        self._times: dict[int, tuple[int, int]] = {}
        """Times of the last message but one and of the last, by channel."""
        self._message: Message | None = None
        self._latest = now
        subscriptions = client.subscriptions
        self._subscribed(subscriptions, subscriptions, now)

    def message(self, item: Timed[Message]) -> None:
        """Take note of a message that was received."""
        at, message = item.at, item.message
        self._message, self._latest = message, at
        if message.channel is not None:
            self._times[message.channel] = (self._times.get(message.channel, (at, at))[1], at)
        if isinstance(message, Ack):
            self._acknowledged(message, at)
            return
        if not self._waiting and not self._unseen:
            return  # the common case, which costs the recorder a microsecond
        names = _symbols(message)
        if self._waiting and names:
            is_snapshot = getattr(message, "snapshot", False)
            info = self._channels.get(message.channel or PRIVATE_CHANNEL)
            # A server has no snapshot of what it knows nothing about.
            unseen = self._unseen.intersection(info.symbols) if info is not None and is_snapshot else ()
            self._waiting.resume([*names, *unseen], at, message.channel, is_snapshot=is_snapshot)
        self._unseen.difference_update(names)

    def lost(self, loss: Loss) -> None:
        """Write the row of messages that did not arrive."""
        at = self._latest
        what: dict[str, Any] = {
            "channel": loss.channel,
            "first": loss.first,
            "last": loss.last,
            "detail": loss.reason,
        }
        if loss.reason == "conflated":
            self._control("conflate", at, **what)
            return
        message = self._message
        before, last = self._times.get(loss.channel, (at, at))
        since = before if message is not None and message.channel == loss.channel else last
        info = self._channels.get(loss.channel)
        symbols = self._concerned(loss, info)
        has_state = info is not None and not _STATELESS.issuperset(info.data_types)
        if loss.reason == "gap" and isinstance(message, Gap) and symbols and not _is_over(message, has_state=has_state):
            # The state comes again, or the source has a hole: it lasts until the next message of each symbol.
            self._control("gap", at, **what, symbols=symbols, ts_from=since)
            self._waiting.add(symbols, since)
            return
        self._control("gap", at, **what, symbols=symbols, ts_from=since, ts_to=at)
        if has_state and symbols:
            self._waiting.add(symbols, at, needs_snapshot=True)

    def dropped(self, item: Timed[Message], detail: str) -> None:
        """Write the row of a message that could not be recorded; its symbols are missing until their next."""
        _drop(self._control, self._waiting, item, detail)

    def disconnected(self, reason: str, now: int) -> None:
        """Write the row of a connection's end: nothing that came after its last message was received."""
        self._control("disconnect", now, detail=reason, ts_from=min(self._latest, now))
        self._channels.clear()
        self._times.clear()
        self._message = None
        self._waiting.add(self._covered, None)

    def end(self, now: int) -> None:
        """Write the row of the recording's end."""
        self._control("end", now)

    def _concerned(self, loss: Loss, info: ChannelInfo | None) -> list[str] | None:
        """Return the symbols of a loss; None if any may be among them."""
        if loss.channel == PRIVATE_CHANNEL:
            return []
        if loss.reason == "gap" and isinstance(self._message, Gap) and self._message.symbols is not None:
            return self._message.symbols
        return None if info is None else info.symbols

    def _acknowledged(self, ack: Ack, at: int) -> None:
        """Compare what the server has acknowledged with what is covered."""
        infos = ack.channels or []
        self._channels.update((info.channel, info) for info in infos)
        wanted = self._client.subscriptions
        gone = self._covered.difference(wanted)
        if gone:
            self._control("unsubscribe", at, symbols=sorted(gone))
            self._covered -= gone
            self._unseen -= gone
            self._waiting.forget(gone)
        if ack.session is not None or ack.id is None or ack.sequences is not None:
            return
        # A server without channels acknowledges all that it was asked for.
        granted = {symbol for info in infos for symbol in info.symbols} & wanted.keys() if infos else set(wanted)
        self._subscribed([symbol for symbol in granted if self._begins(symbol, wanted[symbol])], wanted, at)

    def _begins(self, symbol: str, kinds: Collection[DataType]) -> bool:
        """Tell whether an acknowledged symbol is covered from now on, without a snapshot."""
        if symbol not in self._covered:
            return True
        return symbol in self._waiting and (symbol in self._unseen or _STATELESS.issuperset(kinds))

    def _subscribed(self, symbols: Iterable[str], wanted: dict[str, list[DataType]], at: int) -> None:
        alike: defaultdict[str, list[str]] = defaultdict(list)
        for symbol in sorted(symbols):
            alike[", ".join(wanted[symbol])].append(symbol)
        for kinds, some in alike.items():
            self._control("subscribe", at, symbols=some, detail=kinds)
            self._unseen.update(set(some) - self._covered)
            self._covered.update(some)
            self._waiting.forget(some)


class ServerCoverage:
    """Writes the rows of one server's recording, which covers the symbols of its source (None: whatever comes).

    Tell it of every message before the message is recorded. Times are source time, from the first message to the last.
    `unreliable` returns the symbols of a live source that are flagged: those that are so at the beginning are not
    covered until their next message.
    """

    def __init__(
        self,
        symbols: Iterable[str] | None,
        control: _Control,
        unreliable: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self._symbols = None if symbols is None else list(symbols)
        self._control = control
        self._unreliable = unreliable
        self._waiting = _Waiting(control)
        self._latest: int | None = None

    def message(self, item: Timed[Message]) -> None:
        """Take note of a message that was published."""
        if self._latest is None:
            self._control("start", item.at, symbols=self._symbols)
            self._begin(item)
        self._latest = item.at
        message = item.message
        if isinstance(message, Gap):
            self._control("gap", item.at, symbols=message.symbols, ts_from=item.at, detail=message.reason)
            self._waiting.add(message.symbols or self._symbols or (), None)
        elif self._waiting:
            self._waiting.resume(_symbols(message), item.at, is_snapshot=True)

    def _begin(self, item: Timed[Message]) -> None:
        """Write the row of the symbols that were flagged before, unless the first message flags them."""
        told = set((item.message.symbols or self._symbols or ()) if isinstance(item.message, Gap) else ())
        flagged = sorted(set(() if self._unreliable is None else self._unreliable()) - told)
        if flagged:
            self._control("gap", item.at, symbols=flagged, ts_from=item.at, detail="missing when the recording began")
            self._waiting.add(flagged, None)

    def dropped(self, item: Timed[Message], detail: str) -> None:
        """Write the row of a message that could not be recorded; its symbols are missing until their next."""
        _drop(self._control, self._waiting, item, detail)

    def end(self) -> None:
        """Write the row of the recording's end."""
        if self._latest is not None:
            self._control("end", self._latest)


def _drop(control: _Control, waiting: _Waiting, item: Timed[Message], detail: str) -> None:
    symbols = _symbols(item.message)
    control("drop", item.at, detail=detail, symbols=symbols, ts_from=item.at)
    waiting.add(symbols, None)


def _is_over(gap: Gap, *, has_state: bool) -> bool:
    """Tell whether nothing more is missing: a slow reader goes on with the next message where there is no state."""
    return gap.reason == "slow consumer" and not has_state


def _symbols(message: Message) -> list[str]:
    """Return the symbols whose market data a message brings."""
    if isinstance(message, MarketData):
        return [one.symbol for one in message.symbols]
    return [message.symbol] if isinstance(message, BookDelta | Arbitrage) else []
