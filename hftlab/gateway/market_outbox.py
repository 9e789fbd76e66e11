"""Market data of a publisher on its way to NATS: numbered and encoded once, whatever number of gateways there is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from hftlab.gateway.announcement import Beat, Notice, encode
from hftlab.gateway.market_feed import gap
from hftlab.gateway.market_frame import HEADER, FrameKind, MarketFrame, part_frames, whole_frame
from hftlab.gateway.subjects import Subjects, name_of, token_of
from hftlab.log import get_logger
from hftlab.protocol.latest_state import LatestState
from hftlab.protocol.market_data import MarketData
from hftlab.protocol.messages import Arbitrage, BookDelta, Error, Gap, Message

if TYPE_CHECKING:
    from nats.aio.client import Client as NatsClient

__all__ = ["MarketOutbox"]

_MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes that may wait for NATS; beyond them the oldest are dropped, which gateways notice by the numbers."""
_REPEATS: Final = 5
"""Beats that tell of a symbol after its last message."""
_PER_BEAT: Final = 5_000
"""Symbols that one sign of life tells of: NATS takes a megabyte, unless it is told otherwise."""

_log = get_logger("hftlab.gateway")


class MarketOutbox:
    """Queue of the frames of one run of a publisher, and the numbers that they have.

    An incremental book becomes the state of its symbol: a gateway that begins later, or has lost a message, could do
    nothing with the changes alone.
    """

    def __init__(self, subjects: Subjects, run: str, symbols: Iterable[str]) -> None:
        self.run = run
        self.sent = self.dropped = 0
        """Messages that NATS was given, and that it was not."""
        self._subjects = subjects
        self._sequences = dict.fromkeys(symbols, 0)
        self._state = LatestState()
        self._group = 0
        self._changed: dict[str, int] = {}
        """Symbols that beats tell of, and how many more do."""
        self._flagged: dict[str, str] = {}
        """Symbols that the source has flagged with a GAP, and its reason, until their next message."""
        self._queue: deque[tuple[str, bytes, str | None]] = deque()
        self._bytes = 0
        self._awake = asyncio.Event()

    # --- the stream ---

    def put(self, message: Message) -> None:
        """Add a message of the source; those that are about no symbol of this publisher are left out."""
        match message:
            case MarketData():
                self._state.take_in(message)
                self._put_market_data(message)
            case BookDelta():
                state = self._state.take_in(message)
                assert isinstance(state, MarketData)
                if state.symbols:  # not before its first price
                    self._put_market_data(state)
            case Arbitrage():
                if message.symbol in self._sequences:
                    self._put_arbitrage(message)
            case Gap():
                self._put_gap(self._sequences if message.symbols is None else message.symbols, message.reason)

    def _put_market_data(self, message: MarketData) -> None:
        if not all(symbol.symbol in self._sequences for symbol in message.symbols):
            own = [symbol for symbol in message.symbols if symbol.symbol in self._sequences]
            message = msgspec.structs.replace(message, symbols=own)
        names = [symbol.symbol for symbol in message.symbols]
        self._group += 1
        for name, frame in zip(
            names, part_frames(message, self.run, self._group, [self._next(name) for name in names]), strict=True
        ):
            self._flagged.pop(name, None)
            self._enqueue(f"{self._subjects.market}.{token_of(name)}", frame.payload, frame.header)

    def _put_arbitrage(self, message: Arbitrage) -> None:
        self._group += 1
        frame = whole_frame(message, self.run, self._group, self._next(message.symbol))
        self._enqueue(f"{self._subjects.market}.{token_of(message.symbol)}", frame.payload, frame.header)

    def _put_gap(self, symbols: Iterable[str], reason: str) -> None:
        names = [name for name in dict.fromkeys(symbols) if name in self._sequences]
        self._group += 1
        for more, name in zip(range(len(names) - 1, -1, -1), names, strict=True):
            self._flagged[name] = reason
            frame = whole_frame(gap([name], reason), self.run, self._group, self._next(name), more)
            self._enqueue(f"{self._subjects.market}.{token_of(name)}", frame.payload, frame.header)

    def _next(self, name: str) -> int:
        self._changed[name] = _REPEATS
        sequence = self._sequences[name] = self._sequences[name] + 1
        return sequence

    def begin_anew(self, reason: str, state: LatestState) -> None:
        """Flag all symbols, and go on from the state that those have which have one."""
        self._put_gap(self._sequences, reason)
        self._state = state
        if states := [state.latest[name] for name in self._sequences if name in state.latest]:
            self._put_market_data(MarketData(timestamp=1.0, symbols=states))

    def put_failure(self, reason: str) -> None:
        """Flag all symbols: nothing more comes of them."""
        self._put_gap(self._sequences, reason)

    def put_notice(self, message: Message) -> None:
        """Send an error that all clients are told; what else servers tell all clients is about themselves."""
        if isinstance(message, Error):
            self._enqueue(self._subjects.notices, encode(Notice(self.run, message)), None)

    def put_mark(self, account: str, payload: bytes, header: str) -> None:
        """Send the value of a position or portfolio, of which the newest is enough; `header` says of when it is."""
        self._enqueue(f"{self._subjects.marks}.{token_of(account)}", payload, header)

    # --- what gateways ask for ---

    def put_snapshots(self, names: Iterable[str], to: str) -> None:
        """Send the state of symbols, as of their newest messages, to the subject `to` of one gateway."""
        for name in names:
            if name not in self._sequences:
                continue
            self._group += 1
            sequence, reason = self._sequences[name], self._flagged.get(name)
            if reason is not None:
                frame = whole_frame(gap([name], reason), self.run, self._group, sequence)
            elif (state := self._state.latest.get(name)) is not None:
                message = MarketData(timestamp=1.0, symbols=[state], snapshot=True)
                (frame,) = part_frames(message, self.run, self._group, [sequence])
            else:
                frame = MarketFrame(self.run, sequence, FrameKind.NOTHING, self._group, 0, 0, b"")
            self._enqueue(f"{to}.{token_of(name)}", frame.payload, frame.header)

    def put_beat(self, problem: str | None, untold: str | None = None) -> None:
        """Send a sign of life, behind all that waits; several where many symbols have changed."""
        changed = list(self._changed)
        self._changed = {name: left - 1 for name, left in self._changed.items() if left > 1}
        for first in range(0, max(len(changed), 1), _PER_BEAT):
            sequences = {name: self._sequences[name] for name in changed[first : first + _PER_BEAT]}
            self._enqueue(self._subjects.beats, encode(Beat(self.run, sequences, problem, untold)), None)

    # --- the way to NATS ---

    def _enqueue(self, subject: str, payload: bytes, header: str | None) -> None:
        self._queue.append((subject, payload, header))
        self._bytes += len(payload)
        while self._bytes > _MOST_BYTES:
            self._bytes -= len(self._queue.popleft()[1])
            self.dropped += 1
        self._awake.set()

    async def send(self, nats: NatsClient) -> None:
        """Send what waits, until it is cancelled. Without a connection it is dropped: gateways begin anew after one."""
        from nats.errors import Error, MaxPayloadError

        queue = self._queue
        while True:
            while not queue:
                self._awake.clear()
                await self._awake.wait()
            subject, payload, header = queue.popleft()
            self._bytes -= len(payload)
            if not nats.is_connected:
                self.dropped += 1
                continue
            try:
                await nats.publish(subject, payload, headers=None if header is None else {HEADER: header})
            except MaxPayloadError:
                self._too_big(subject, header, len(payload), nats.max_payload)
            except (Error, OSError):  # the connection has just been lost
                self.dropped += 1
            else:
                self.sent += 1

    def _too_big(self, subject: str, header: str | None, size: int, most: int) -> None:
        """Send a GAP in place of a message that NATS does not take, under the same number."""
        self.dropped += 1
        if header is None or header.count(" ") == 1:
            return  # a beat or a mark
        frame = MarketFrame.of(header, b"")
        reason = f"a message of {size:,} bytes is more than NATS takes: max_payload there is {most:,}"
        _log.error("a message is too big for NATS", subject=subject, bytes=size, most=most)
        stand_in = whole_frame(gap([name_of(subject)], reason), frame.run, frame.group, frame.sequence, frame.more)
        self._queue.appendleft((subject, stand_in.payload, stand_in.header))
        self._bytes += len(stand_in.payload)
