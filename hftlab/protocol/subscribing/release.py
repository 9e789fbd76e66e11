"""Release of callers' requests: when the connection is far enough, and the server wants no pause."""

from __future__ import annotations

from hftlab.errors import RateLimitExceeded
from hftlab.protocol.subscribing.client_events import Answered, ClientEvent
from hftlab.protocol.subscribing.deadlines import Deadlines
from hftlab.protocol.subscribing.request_queue import CANCELS, ORDERS, Duty, Request, RequestQueue
from hftlab.transport.recovery import ErrorRecovery

__all__ = ["Release"]


class Release:
    """Decides which of the kept requests of one connection may be sent.

    Orders and cancellations need the sign-in only, all others a connection that is ready. While the server wants a
    pause cancellations are sent, orders are refused (one that waited would be late), and all others wait for its end.
    """

    def __init__(
        self, url: str, queue: RequestQueue, deadlines: Deadlines[Duty | str], recovery: ErrorRecovery
    ) -> None:
        self._url, self._queue, self._deadlines, self._recovery = url, queue, deadlines, recovery

    def check(self, request: Request, now: float) -> None:
        """Raise RateLimitExceeded for an order while the server wants a pause."""
        if isinstance(request, ORDERS) and (held := self._recovery.held_for(now)):
            raise self._paused(held)

    def proceed(self, now: float, *, is_signed_in: bool, is_ready: bool, has_duties: bool) -> None:
        """Send what may be sent, and wake up at the end of a pause for the rest; `has_duties` for others' as well."""
        if not self._queue.has_kept and not has_duties:
            return
        held = self._recovery.held_for(now)
        if is_signed_in:
            self._queue.release(now, CANCELS if held else (*CANCELS, *ORDERS))
        if is_ready and not held:
            self._queue.release(now)
        if held and (self._queue.has_kept or has_duties):
            self._deadlines.set(Duty.HOLD, now + held)

    def refuse_orders(self, now: float) -> list[ClientEvent]:
        """Answer the orders that have waited for the sign-in until the server wanted a pause."""
        if not self._queue.has_kept or not (held := self._recovery.held_for(now)):
            return []
        late = self._queue.kept(ORDERS)
        for number in late:
            self._queue.withdraw(number)
        return [Answered(number, self._paused(held)) for number in late]

    def _paused(self, seconds: float) -> RateLimitExceeded:
        return RateLimitExceeded(
            f"{self._url} has asked for a pause: send this order again in {seconds:.1f} s", retry_after=seconds
        )
