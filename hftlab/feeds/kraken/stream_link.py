"""Link to the books and trades of some of Kraken's pairs: one connection, on which a single book can be begun anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final

import msgspec

from hftlab.clock import wall_time
from hftlab.errors import ConnectionFailed
from hftlab.feeds.arrivals import Arrival, Frame, Suspended
from hftlab.feeds.kraken.requests import Head, batches, decode_head, decode_system, ping, subscribe, unsubscribe
from hftlab.feeds.stream_link import LinkCounts, LinkTerms, StreamLink
from hftlab.feeds.stream_socket import StreamSocket
from hftlab.log import get_logger
from hftlab.transport.clock_offset import Sample
from hftlab.venues.kraken.rfc3339 import to_nanoseconds
from hftlab.venues.stamps import BadStamp

__all__ = ["KrakenLink"]

_log = get_logger("hftlab.feeds")

_MAINTENANCE: Final = "maintenance"
_MAINTENANCE_WAIT: Final = 5.0
"""Seconds between two tries to connect, at least, while the venue is in maintenance."""
_MAINTENANCE_PATIENCE: Final = 60.0
"""Seconds for which a connection waits for the end of a maintenance before another one is tried."""
_STATUS_WAIT: Final = 2.0
"""Seconds that the status, which comes by itself on each connection, is waited for."""
_BURST: Final = 8
"""Requests that may be sent at once."""
_PING_EVERY: Final = 30.0
"""Seconds between two pings, by which the venue's clock is measured; the first ones follow each other at once."""
_FIRST_PINGS: Final = 4
_MOST_UNANSWERED: Final = 3
"""Requests one after the other without an answer after which a connection is given up, though its streams may come."""
_PINGS: Final = 16
"""Pings whose answers are waited for."""


class _Named(msgspec.Struct):
    symbol: str = ""


class _Data(msgspec.Struct):
    data: list[_Named] = []


_data: Final = msgspec.json.Decoder(_Data)


class KrakenLink(StreamLink):
    """Link to the channels `book` and `trade` of some pairs.

    Nothing numbers the updates of a book, so that what comes on two connections could not be told apart: a connection
    is replaced when it has ended. Frames of a new one wait until all of its pairs have been answered for. In a
    maintenance of the venue nothing is subscribed to, and the books are not to be relied on. `want` is asked for a pair
    whose snapshot has not come or whose book was refused, `measured` gets the measurements of the venue's clock.
    """

    def __init__(
        self,
        url: str,
        symbols: Sequence[str],
        book_depth: int,
        terms: LinkTerms,
        counts: LinkCounts,
        tell: Callable[[Arrival], None],
        want: Callable[[str, int], None],
        measured: Callable[[Sample], None],
    ) -> None:
        super().__init__(url, symbols, terms, counts, tell)
        self.snapshots = self.refused = 0
        self.system: str | None = None
        """State of the venue's trading engine, as it has told last."""
        self._book = {"depth": book_depth, "snapshot": True}
        self._want, self._measured = want, measured
        self._numbers = count(1)
        self._held: list[Frame] | None = None
        """Frames of a connection whose pairs have not all been answered for; None when they need not wait."""
        self._answers: dict[int, asyncio.Queue[Head]] = {}
        self._told = asyncio.Event()
        """Set when the venue has told the state of its engine."""
        self._refusals: dict[tuple[str, str], str] = {}
        """By channel and symbol: why the venue refuses it."""
        self._wanted: dict[str, int] = {}
        self._wants = asyncio.Event()
        self._expected: dict[str, int] = {}
        """By symbol whose snapshot is to come: the number of that expectation."""
        self._pings: dict[int, int] = {}
        self._pinged = 0
        self._unanswered = 0
        """Answers that have not come in time, one after the other."""
        self._next_request = 0.0
        self._noted: str | None = None

    def refresh(self, symbol: str, attempts: int) -> None:
        """Begin the book of a pair anew: end its subscription, and subscribe to it again."""
        if self.is_up:
            self._wanted[symbol] = attempts
            self._wants.set()

    # --- the life of a connection ---

    def _delay(self, attempt: int) -> float:
        delay = super()._delay(attempt)
        return max(delay, _MAINTENANCE_WAIT) if self.system == _MAINTENANCE else delay

    def _heard(self, socket: StreamSocket) -> float:
        return socket.told  # there is a heartbeat every second

    def _probe(self, socket: StreamSocket) -> None:
        self._ping(socket)

    async def _subscribe(self, socket: StreamSocket) -> None:
        self._held, self._unanswered = [], 0
        self._refusals.clear()
        self._pings.clear()
        self._expected.clear()
        await self._online(socket)
        for channel, parameters in (("book", self._book), ("trade", {"snapshot": True})):
            for part in batches(self.symbols):
                await self._request(socket, subscribe, channel, part, parameters)

    async def _online(self, socket: StreamSocket) -> None:
        """Wait until the venue is not in maintenance. Raises ConnectionFailed."""
        await self._status(socket, min(_STATUS_WAIT, self._terms.timeout))
        while self.system == _MAINTENANCE:
            self._note()
            if not await self._status(socket, _MAINTENANCE_PATIENCE):
                raise ConnectionFailed(f"{self._url} is in maintenance: it is tried again")

    async def _status(self, socket: StreamSocket, patience: float) -> bool:
        """Wait for the state of the venue; False if it has not come in time. Raises ConnectionFailed."""
        waits = [asyncio.ensure_future(one.wait()) for one in (self._told, socket.ended)]
        try:
            await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if socket.ended.is_set():
            raise ConnectionFailed(f"{self._url} has ended the connection ({socket.end_reason}): it is tried again")
        is_told = self._told.is_set()
        self._told.clear()
        return is_told

    def _took_over(self, socket: StreamSocket, *, had_connection: bool) -> None:
        super()._took_over(socket, had_connection=had_connection)
        held, self._held = self._held or [], None
        self._wanted.clear()
        self._wants.clear()
        self._expect(self.symbols, 0, held)
        self._pass_on(held)
        self._ask_again(self.symbols, {})
        self._note()
        self._start(self._converse(socket))

    async def _converse(self, socket: StreamSocket) -> None:
        """Ask for what is wanted, and measure the venue's clock, until the connection ends."""
        jobs = [self._start(job) for job in (self._renew_books(socket), self._measure(socket))]
        try:
            await socket.ended.wait()
        finally:
            for job in jobs:
                job.cancel()

    async def _renew_books(self, socket: StreamSocket) -> None:
        while True:
            await self._wants.wait()
            wanted, self._wanted = self._wanted, {}
            self._wants.clear()
            if self.system == _MAINTENANCE:  # at its end all books are begun anew
                continue
            for part in batches(list(wanted)):
                try:
                    await self._resubscribe(socket, part, wanted)
                except ConnectionFailed as exc:
                    self.problem = str(exc)
                    if self._unanswered >= _MOST_UNANSWERED:
                        self._give_up(socket, "requests were not answered any more")
                        return
                    for symbol in part:
                        self._want(symbol, wanted[symbol] + 1)
                else:
                    self._note()

    async def _resubscribe(self, socket: StreamSocket, symbols: Sequence[str], attempts: Mapping[str, int]) -> None:
        """Subscribe anew to some books, and to trades that were refused. Raises ConnectionFailed."""
        # An answer that there was no subscription is as good.
        await self._request(socket, unsubscribe, "book", symbols, {"depth": self._book["depth"]})
        await self._request(socket, subscribe, "book", symbols, self._book)
        if trades := [one for one in symbols if ("trade", one) in self._refusals]:
            await self._request(socket, subscribe, "trade", trades, {"snapshot": True})
        for symbol in symbols:
            self._expect([symbol], attempts[symbol], ())
        self._ask_again(symbols, attempts)

    async def _request(
        self,
        socket: StreamSocket,
        make: Callable[..., bytes],
        channel: str,
        symbols: Sequence[str],
        parameters: Mapping[str, Any],
    ) -> None:
        """Ask for something, and wait until it is answered for each symbol. Raises ConnectionFailed."""
        await self._pace()
        number = next(self._numbers)
        answers = self._answers[number] = asyncio.Queue()
        left = set(symbols)
        try:
            socket.say(make(number, channel, symbols, **parameters))
            while left:
                self._unanswered += 1
                answer = await self._answer(socket, answers)
                self._unanswered = 0
                symbol = answer.answered
                if symbol in left:
                    left.discard(symbol)
                    if make is subscribe:
                        self._note_answer(channel, symbol, answer)
                elif not answer.success:
                    self.refused += 1
                    raise ConnectionFailed(f"{self._url} refuses a request ({answer.error}): it is tried again")
        finally:
            del self._answers[number]

    async def _pace(self) -> None:
        """Keep the venue's limit of requests: some at once, and then as many a second as the terms allow."""
        now, step = asyncio.get_running_loop().time(), 1 / self._terms.requests_per_second
        due = max(self._next_request, now)
        self._next_request = due + step
        await asyncio.sleep(max(due - (_BURST - 1) * step - now, 0.0))

    def _note_answer(self, channel: str, symbol: str, answer: Head) -> None:
        self._refusals.pop((channel, symbol), None)
        if not answer.success:
            self.refused += 1
            self._refusals[channel, symbol] = answer.error or "it does not say why"

    def _ask_again(self, symbols: Sequence[str], attempts: Mapping[str, int]) -> None:
        """Ask later for those that were refused."""
        for symbol in {one for _, one in self._refusals} & set(symbols):
            self._expected.pop(symbol, None)
            self._want(symbol, attempts.get(symbol, 0) + 1)

    def _note(self) -> None:
        """Say what is wrong with the connection."""
        problems = [f"{self._url} refuses the {key[0]} of {key[1]} ({why})" for key, why in self._refusals.items()]
        if self.system == _MAINTENANCE:
            problems.insert(0, f"{self._url} is in maintenance")
        problem = f"{'; '.join(problems)}: it is asked again" if problems else None
        if problem is not None and problem != self._noted:
            _log.warning("the venue does not send all", reason=problem)
        self.problem = self._noted = problem

    # --- snapshots that are to come ---

    def _expect(self, symbols: Sequence[str], attempts: int, come: Sequence[Frame]) -> None:
        """Ask again for the books of symbols whose snapshots do not come in time; some frames have come already."""
        there = {symbol for frame in come for symbol in _snapshots(frame.payload)}
        number = next(self._numbers)
        late = [symbol for symbol in symbols if symbol not in there]
        self._expected |= dict.fromkeys(late, number)
        asyncio.get_running_loop().call_later(self._terms.timeout, self._missing, late, number, attempts)

    def _missing(self, symbols: Sequence[str], number: int, attempts: int) -> None:
        for symbol in symbols:
            if self._expected.get(symbol) == number and self.system != _MAINTENANCE:
                del self._expected[symbol]
                self._want(symbol, attempts + 1)

    # --- the venue's clock ---

    async def _measure(self, socket: StreamSocket) -> None:
        while True:
            self._ping(socket)
            self._pinged += 1
            await asyncio.sleep(1.0 if self._pinged < _FIRST_PINGS else _PING_EVERY)

    def _ping(self, socket: StreamSocket) -> None:
        number = next(self._numbers)
        if len(self._pings) >= _PINGS:
            del self._pings[next(iter(self._pings))]
        self._pings[number] = wall_time()
        socket.say(ping(number))

    def _take_pong(self, pong: Head, at: int) -> None:
        sent = self._pings.pop(pong.req_id or 0, None)
        if sent is not None and pong.time_in is not None and pong.time_out is not None:
            with suppress(BadStamp):
                there = to_nanoseconds(pong.time_in), to_nanoseconds(pong.time_out)
                self._measured(Sample.of(sent, *there, at))

    # --- what comes ---

    def _take(self, socket: StreamSocket, payload: bytes, at: int) -> None:
        if socket.has_left:
            return
        head = decode_head(payload)
        match head:
            case Head(channel="heartbeat"):
                return
            case Head(channel="status"):
                self._take_status(decode_system(payload), at)
                return
            case Head(method="pong"):
                self._take_pong(head, at)
                return
            case Head(channel="book", type="snapshot"):
                self.snapshots += 1
                for symbol in _snapshots(payload):
                    self._expected.pop(symbol, None)
            case Head(channel="", method=method) if method:
                self._take_answer(head)
                if head.result is None or head.result.channel != "book":
                    return  # the answer to a subscription of a book tells its depth
        if self._held is not None:
            self._held.append(Frame(at, payload))
        else:
            self._tell(Frame(at, payload))

    def _take_answer(self, answer: Head) -> None:
        if answer.req_id in self._answers:
            self._answers[answer.req_id].put_nowait(answer)
        elif not answer.success:  # whichever request it is of
            for answers in self._answers.values():
                answers.put_nowait(answer)

    def _take_status(self, system: str | None, at: int) -> None:
        if system is None:
            return
        was_suspended, self.system = self.system == _MAINTENANCE, system
        self._told.set()
        if not self.is_up or self._held is not None:
            return
        self._note()
        if system == _MAINTENANCE:
            self._tell(Suspended(at, self.symbols, "the venue is in maintenance"))
        elif was_suspended:
            for symbol in self.symbols:
                self.refresh(symbol, 0)


def _snapshots(payload: bytes) -> list[str]:
    """Return the symbols that a frame has the snapshot of a book of."""
    head = decode_head(payload)
    if head is None or head.channel != "book" or head.type != "snapshot":
        return []
    with suppress(msgspec.DecodeError):
        return [one.symbol for one in _data.decode(payload).data]
    return []
