"""One connection from its welcome to its end: authentication, subscriptions, heartbeats, resynchronisation."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from hftlab.client.authentication import Authenticator
from hftlab.client.link import REPLY_TIMEOUT, Link
from hftlab.client.receiver import Receiver
from hftlab.client.reporter import Reporter
from hftlab.client.restoring import Restorer
from hftlab.errors import AuthenticationFailed, NetworkError, RateLimitExceeded, WireError
from hftlab.log import get_logger
from hftlab.protocol import (
    Auth,
    AuthFailed,
    AuthSuccess,
    Heartbeat,
    Message,
    Ping,
    ReplayControl,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.subscribing.resync import Doubts
from hftlab.protocol.subscribing.subscriber import Subscriber
from hftlab.transport.address import is_local
from hftlab.transport.backoff import Backoff
from hftlab.transport.health import Health
from hftlab.transport.recovery import Action

__all__ = ["Conversation"]

_log = get_logger("hftlab.client")
_WELCOME_TIMEOUT: Final = 1.0
_AUTH_TIMEOUT: Final = 10.0
_CONTROL_TIMEOUT: Final = 60.0
"""A seek may have to read much of a long recording."""
_RENEWAL: Final = Backoff()
_REFRESH_PAUSE: Final = 60.0
"""Seconds in which a rejected authentication is renewed at most once."""


class Conversation:
    """`run()` reads until the end; `wait_ready()` returns once signed in and with every subscription restored."""

    def __init__(
        self,
        link: Link,
        receiver: Receiver,
        subscriber: Subscriber,
        authenticator: Authenticator,
        reporter: Reporter,
        health: Health,
        *,
        busy_poll: bool,
    ) -> None:
        self.link = link
        self._receiver, self._subscriber, self._authenticator = receiver, subscriber, authenticator
        self._reporter, self._health = reporter, health
        self._restorer = Restorer(link, receiver, reporter)
        self._ready = asyncio.Event()
        self.end: WireError | None = None
        """What has ended the connection."""
        self._is_signed_in = False
        self._unanswered: AuthenticationFailed | None = None
        self._ready_at: float | None = None
        self._over_at: float | None = None
        self._lifetime: float | None = None
        self._doubts = Doubts()
        self._busy_poll = busy_poll
        self._time = asyncio.get_running_loop().time

    # --- life ---

    async def run(self, on_ready: Callable[[], None]) -> str:
        """Read to the end of the connection; returns why it ended, for good if `link.failure` is set."""
        self._receiver.connected(self.link)
        restoring = self._subscriber.connected()
        self._health.hear(self._time())
        upkeep = [self._watch, self._beat, self._synchronise, self._resynchronise, self._stay_authenticated]
        if self._busy_poll:
            upkeep.append(self._poll)
        tasks = [asyncio.create_task(self._guarded(duty)) for duty in upkeep]
        tasks.append(asyncio.create_task(self._guarded(lambda: self._greet(restoring, on_ready))))
        reason = "closed by the client"
        try:
            await self.link.listen(self._take)
            reason = str(self.link.failure)
        except NetworkError as exc:
            reason = str(exc)
        finally:
            self._over_at = self._time()
            self.end = self.link.failure or self._refused() or NetworkError(f"{self.link.url}: {reason}")
            for task in tasks:
                task.cancel()
            self._subscriber.disconnected()
            self._ready.set()
            await self.link.close()
        return reason

    def _take(self, data: bytes, received_at: int) -> bool:
        self._receiver.receive(data, received_at, self._time())
        return self.link.failure is not None

    async def _guarded(self, duty: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A duty that fails takes the connection with it: a new one is better than one that is not looked after."""
        try:
            await duty()
        except NetworkError:
            pass  # the reader tells
        except Exception as exc:
            _log.exception("upkeep failed", url=self.link.url)
            self.link.abort(f"{type(exc).__name__}: {exc}")

    def _refused(self) -> AuthenticationFailed | None:
        """Whether signing in is what the connection has ended at; the server may close before that has been handled."""
        refusal = self._receiver.refusal
        if refusal is None or self._ready_at is not None:
            return self._unanswered
        self._authenticator.reject()
        return None if self._authenticator.is_optional else AuthenticationFailed(refusal)

    async def wait_ready(self) -> None:
        """Raises what has ended the connection: NetworkError or AuthenticationFailed."""
        await self._ready.wait()
        if self.end is not None:
            raise self.end.with_traceback(None)

    @property
    def was_ready(self) -> bool:
        return self._ready_at is not None

    @property
    def lasted(self) -> float:
        """Seconds from ready to the end; 0 before, and if it never was ready."""
        return 0.0 if self._ready_at is None or self._over_at is None else self._over_at - self._ready_at

    async def send(self, message: Message) -> None:
        """Send a message as it is, at once. Raises NetworkError, also while signing in: it would be refused."""
        if not self._is_signed_in:
            raise NetworkError(f"not signed in to {self.link.url} yet: wait for CONNECTED")
        await self.link.send(message)

    async def request(self, request: Subscribe | Unsubscribe | Ping | ReplayControl) -> Message:
        """The reply to a request, which waits until the connection is ready and nothing holds requests back."""
        await self.wait_ready()
        await self._restorer.held()
        timeout = _CONTROL_TIMEOUT if isinstance(request, ReplayControl) else REPLY_TIMEOUT
        try:
            reply = await self.link.exchange(request, timeout)
        except WireError as exc:
            if self._reporter.decide(exc).action is Action.REFRESH_AUTH:
                self._receiver.rejected.set()
            raise
        if isinstance(request, Subscribe):
            self._restorer.has(request.symbols)
        return reply

    # --- greeting ---

    async def _greet(self, restoring: list[Subscribe], on_ready: Callable[[], None]) -> None:
        # The welcome says what the server has; one that sends none is used all the same.
        with suppress(TimeoutError):
            async with asyncio.timeout(_WELCOME_TIMEOUT):
                await self._receiver.greeted.wait()
        try:
            await self._authenticate()
        except AuthenticationFailed as exc:
            self.link.fail(exc)
            return
        except NetworkError as exc:
            self.link.abort(str(exc))
            return
        self._is_signed_in = True
        await self._restorer.restore(restoring)
        self._ready_at = self._time()
        self._ready.set()
        on_ready()

    async def _authenticate(self) -> None:
        token = await self._authenticator.token()
        if token is None:
            return
        try:
            await self._sign_in(token)
        except AuthenticationFailed as exc:
            if self._authenticator.is_optional:
                self._reporter.log.log("WARN", str(exc))
                return
            self._reporter.decide(exc)
            await self._renew()

    async def _sign_in(self, token: str) -> None:
        """Send AUTH, and ask for the private messages missed since the last connection."""
        private = self._receiver.private
        request = Auth(timestamp=1.0, token=token, session=private.session, resume_from=private.resume_from)
        try:
            reply = await self.link.exchange(request, _AUTH_TIMEOUT)
        except NetworkError as exc:
            self._unanswered = AuthenticationFailed(f"AUTH got no answer: {exc}")
            raise
        except RateLimitExceeded as exc:
            self._reporter.decide(exc)
            raise NetworkError(f"AUTH came too early: {exc}") from None
        except WireError as exc:
            raise AuthenticationFailed(f"AUTH was answered with {exc.wire_type}: {exc}") from None
        if isinstance(reply, AuthFailed):
            raise AuthenticationFailed(reply.message)
        if not isinstance(reply, AuthSuccess):
            raise AuthenticationFailed(f"AUTH was answered with {reply.type}: {self.link.url} is no hftlab server")
        private.authenticated(reply.subject, reply.private_sequence)
        # Both times are the server's, so it does not matter what our clock says.
        self._lifetime = None if reply.expires_at is None else (reply.expires_at - reply.timestamp) / 1000

    async def _renew(self) -> None:
        token = await self._authenticator.refreshed()
        if token is not None:
            await self._sign_in(token)

    async def _stay_authenticated(self) -> None:
        """Renew the token before it expires, and when the server rejects it."""
        await self._ready.wait()
        rejected = self._receiver.rejected
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_renewal(self._lifetime)):
                    await rejected.wait()
            self._lifetime = None
            await self._keep_renewing()
            if rejected.is_set():
                # A server that goes on rejecting is not to be asked in a circle.
                await asyncio.sleep(_REFRESH_PAUSE)
                rejected.clear()

    async def _keep_renewing(self) -> None:
        """Try until there is a new token, or it is certain that there will be none."""
        for attempt in itertools.count(1):
            try:
                await self._renew()
                return
            except WireError as exc:
                self._reporter.fail(exc)
                if not isinstance(exc, NetworkError):
                    return
            await asyncio.sleep(_RENEWAL.delay(attempt))
            await self._restorer.held()

    # --- subscriptions ---

    async def _resynchronise(self) -> None:
        """Ask again for what has been lost."""
        await self._ready.wait()
        while True:
            await self._receiver.lost.wait()
            self._receiver.lost.clear()
            await self._restorer.restore(self._subscriber.requests())

    # --- signs of life ---

    async def _watch(self) -> None:
        """End a connection on which nothing is heard. Apart from _beat(), which waits while nobody reads."""
        while True:
            await asyncio.sleep(self._health.interval / 2)
            self._health.check(self._time())
            if not self._health.is_healthy:
                self.link.abort(f"no sign of life: {self._health.missed} heartbeats missed")

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._health.interval)
            await self.link.send(Heartbeat(timestamp=1.0))
            if self._ready.is_set():
                await self._restorer.restore(self._doubts.requests(self._subscriber))

    async def _poll(self) -> None:
        """Keep the loop from sleeping: a processor that sleeps takes a good part of a millisecond to wake up."""
        while True:
            await asyncio.sleep(0)

    async def _synchronise(self) -> None:
        """Compare the clocks with each heartbeat; on one machine there is one clock."""
        await self._ready.wait()
        while self._receiver.version is not None and not is_local(self.link.url):
            with suppress(WireError):
                await self.link.exchange(Ping(timestamp=1.0))
            await asyncio.sleep(self._health.interval)


def _renewal(lifetime: float | None) -> float | None:
    """Seconds until a token of so many seconds is renewed: a minute before, or a fifth if that is shorter."""
    return None if lifetime is None else max(lifetime - min(60.0, lifetime / 5), 0.0)
