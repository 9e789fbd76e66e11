"""The output of a stream: what its messages pass on the way to the taps, the follower and the publisher's channels."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress

import msgspec

from hftlab.clock import to_milliseconds, wall_time
from hftlab.credentials import is_subject, local_account
from hftlab.errors import ServerError
from hftlab.log import get_logger
from hftlab.protocol import Error, ErrorType, MarketData, Message
from hftlab.protocol.encoded_market_data import EncodedMarketData
from hftlab.protocol.order_messages import PRIVATE_MESSAGES
from hftlab.protocol.publishing.playback import Playback
from hftlab.protocol.publishing.publisher import Delivery, Publisher, is_private
from hftlab.server.follower import Follower
from hftlab.server.server_socket import ServerSocket
from hftlab.source import Tap, Timed
from hftlab.trading.stepped_source import SteppedSource

__all__ = ["StreamOutput"]

_log = get_logger("hftlab.server")


class StreamOutput:
    """Output of one stream. What `accept()` takes in is sent when the owner polls the publisher and calls `send`.

    `send` gets the deliveries, and when the work for them began (perf_counter); what it gets within `together` may be
    written at the end of that.
    """

    def __init__(
        self,
        playback: Playback,
        publisher: Publisher[ServerSocket],
        send: Callable[[Iterable[Delivery[ServerSocket]], float], None],
        together: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.playback, self.publisher, self.send, self.together = playback, publisher, send, together
        self.follower: Follower | None = None
        self.taps: list[Tap] = []
        self.moved_taps: list[Callable[[], object]] = []
        """Callables that are called behind a seek, when the publisher's state is that of the new position."""
        self.notice_taps: list[Callable[[Message], object]] = []
        """Callables that see each message for every client before it is sent."""
        self.failed_taps: Counter[str] = Counter()
        """Taps that have raised, by the type of the exception."""
        self.invalid = 0
        """Messages of the source that the wire cannot carry, and that were left out."""
        self.congested: set[ServerSocket] = set()
        """Readers that are behind, as the owner of the stream keeps them."""
        self._has_venue_time = isinstance(playback.source, SteppedSource)
        """True if private messages say when things happened, by the clock that is stepped."""

    def next_time(self) -> int | None:
        """Return the source time at which something is due next; None for nothing."""
        times = [self.publisher.next_time(), self.playback.next_time()]
        if self.follower is not None and not self.playback.is_waiting and not self.playback.is_moving:
            times.append(self.follower.next_time())
        return min((at for at in times if at is not None), default=None)

    def accept(self, item: Timed[Message]) -> None:
        """Show a message to the taps and give it to the publisher. Raises ServerError for an impossible account."""
        if item.account is None and is_private(item.message):
            item = item._replace(account=local_account())
        if item.account is not None and not is_subject(item.account):
            raise ServerError(
                f"{item.message.type} has the account {item.account!r}, which nobody can sign in as: give a "
                "printable name of 1 to 128 characters"
            )
        message = item.message
        if self._has_venue_time and isinstance(message, PRIVATE_MESSAGES):
            message.ts_event = message.timestamp
        for tap in tuple(self.taps):
            try:
                tap(item)
            except Exception as exc:
                self._drop(tap, exc)
        received = to_milliseconds(item.at)
        if self.playback.is_recorded and type(message) is MarketData and message.ts_recv is None and received > 0:
            # The first recording's time, which a recording of this replay keeps, and a replay of that one.
            message = msgspec.structs.replace(message, ts_recv=received)
        self.publisher.publish(message, item.at, item.account)

    def accept_encoded(self, item: Timed[EncodedMarketData]) -> None:
        """Accept a message that is encoded already; it is decoded if there are taps."""
        if self.taps:
            self.accept(Timed(item.at, item.message.decoded()))
            return
        message, received = item.message, to_milliseconds(item.at)
        if self.playback.is_recorded and received > 0:
            message = message.received(received)
        self.publisher.publish_encoded(message, item.at)

    def flush(self) -> None:
        """Send the messages that wait for their channel's pace."""
        started = time.perf_counter()
        self.send(self.publisher.poll(self.playback.clock.now(), wall_time(), early=True), started)
        if self.follower is not None:
            self.follower.flush()

    def notify(self, message: Message) -> None:
        """Send a message to every client, whatever it subscribes to."""
        for tap in self.notice_taps:
            tap(message)
        started = time.perf_counter()
        self.send(self.publisher.notify(message, wall_time()), started)

    def report_refused(self) -> None:
        """Tell every client of messages that were left out: of the first, second, fourth, eighth ..."""
        for error in self.playback.check_of_source.take_refused():
            self.invalid += 1
            if self.invalid & (self.invalid - 1) == 0:
                said = f"{self.playback.name} yields what cannot be streamed ({self.invalid:,} so far): {error}"
                _log.error("a message of the source was left out", reason=said)
                self.notify(
                    Error(
                        timestamp=1.0,
                        error_type=ErrorType.SERVER_ERROR,
                        message=said,
                        recoverable=True,
                        context=error.context,
                    )
                )

    def _drop(self, tap: Tap, error: Exception) -> None:
        """Remove a tap that has raised, so that it does not end the stream for everyone."""
        with suppress(ValueError):  # it may have taken itself off
            self.taps.remove(tap)
        self.failed_taps[type(error).__name__] += 1
        _log.error("a tap has failed and was removed", tap=repr(tap), exc_info=error)
