"""One connection from its welcome to its end: authentication, subscriptions, heartbeats, resynchronisation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final

from hftlab.client.authentication import Authenticator
from hftlab.client.health import Health
from hftlab.client.link import REPLY_TIMEOUT, Link, is_local
from hftlab.client.receiver import Receiver
from hftlab.client.recovery import Action
from hftlab.client.reporter import Reporter
from hftlab.client.resync import Doubts, combined
from hftlab.clock import wall_time
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
from hftlab.protocol.subscriber import Subscriber

__all__ = ["Conversation"]

_log = get_logger("hftlab.client")
_WELCOME_TIMEOUT: Final = 1.0
_AUTH_TIMEOUT: Final = 10.0
_CONTROL_TIMEOUT: Final = 60.0
"""A seek may have to read much of a long recording."""
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
        self._ready = asyncio.Event()
        self._end: WireError | None = None
        self._unanswered: AuthenticationFailed | None = None
        self._ready_at: float | None = None
        self._lifetime: float | None = None
        self._doubts = Doubts()
        self._busy_poll = busy_poll

    # --- life ---

    async def run(self) -> str:
        """Read to the end of the connection; returns why it ended, for good if `link.failure` is set."""
        self._receiver.connected(self.link)
        restoring = self._subscriber.connected()
        time = asyncio.get_running_loop().time
        self._health.hear(time())
        upkeep = [
            self._greet(restoring),
            self._watch(),
            self._beat(),
            self._synchronise(),
            self._resynchronise(),
            self._stay_authenticated(),
        ]
        if self._busy_poll:
            upkeep.append(self._poll())
        tasks = [asyncio.create_task(self._guarded(duty)) for duty in upkeep]
        reason = "closed by the client"
        try:
            await self.link.listen(self._take)
            reason = str(self.link.failure)
        except NetworkError as exc:
            reason = str(exc)
        finally:
            self._end = self.link.failure or self._refused() or NetworkError(f"{self.link.url}: {reason}")
            for task in tasks:
                task.cancel()
            self._subscriber.disconnected()
            self._ready.set()
            await self.link.close()
        return reason

    def _take(self, data: bytes) -> bool:
        self._receiver.receive(data, wall_time(), asyncio.get_running_loop().time())
        return self.link.failure is not None

    async def _guarded(self, duty: Coroutine[Any, Any, None]) -> None:
        """A duty that fails takes the connection with it: a new one is better than one that is not looked after."""
        try:
            await duty
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
        """Raises what has ended the connection before it was ready: NetworkError or AuthenticationFailed."""
        await self._ready.wait()
        if self._end is not None:
            raise self._end

    @property
    def lasted(self) -> float:
        """Seconds since the connection has been ready; 0 if it never was."""
        return 0.0 if self._ready_at is None else asyncio.get_running_loop().time() - self._ready_at

    async def request(self, request: Subscribe | Unsubscribe | Ping | ReplayControl) -> Message:
        """The reply to a request, which waits until the connection is ready and nothing holds requests back."""
        await self.wait_ready()
        await self._held()
        try:
            timeout = _CONTROL_TIMEOUT if isinstance(request, ReplayControl) else REPLY_TIMEOUT
            return await self.link.exchange(request, timeout)
        except WireError as exc:
            if self._reporter.decide(exc).action is Action.REFRESH_AUTH:
                self._receiver.rejected.set()
            raise

    # --- greeting ---

    async def _greet(self, restoring: list[Subscribe]) -> None:
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
        await self._ask(restoring)
        self._ready_at = asyncio.get_running_loop().time()
        self._ready.set()

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
            assert self._reporter.decide(exc).action is Action.REFRESH_AUTH
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
        private.authenticated()
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
            try:
                await self._renew()
            except WireError as exc:
                self._reporter.fail(exc)
            if rejected.is_set():
                # A server that goes on rejecting is not to be asked in a circle.
                await asyncio.sleep(_REFRESH_PAUSE)
                rejected.clear()

    # --- subscriptions ---

    async def _resynchronise(self) -> None:
        """Ask again for what has been lost."""
        await self._ready.wait()
        while True:
            await self._receiver.lost.wait()
            self._receiver.lost.clear()
            await self._ask(self._subscriber.requests())

    async def _ask(self, requests: Iterable[Subscribe]) -> None:
        limits = self._receiver.limits
        for request in combined(requests, None if limits is None else limits.max_symbols):
            await self._insist(request)

    async def _insist(self, request: Subscribe) -> None:
        """Ask until the server has taken it, or refused it for another reason than that it is too much."""
        while True:
            await self._held()
            try:
                await self.link.exchange(request)
                return
            except NetworkError as exc:
                # What has been subscribed to would be missing in silence: a new connection asks for all of it.
                self.link.abort(str(exc))
                raise
            except WireError as exc:
                if self._reporter.fail(exc).action is not Action.BACKOFF:
                    return

    async def _held(self) -> None:
        while (seconds := self._reporter.held_for()) > 0:
            await asyncio.sleep(seconds)

    # --- signs of life ---

    async def _watch(self) -> None:
        """End a connection on which nothing is heard. Apart from _beat(), which waits while nobody reads."""
        time = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._health.interval / 2)
            self._health.check(time())
            if not self._health.is_healthy:
                self.link.abort(f"no sign of life: {self._health.missed} heartbeats missed")

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._health.interval)
            await self.link.send(Heartbeat(timestamp=1.0))
            if self._ready.is_set():
                await self._ask(self._doubts.requests(self._subscriber))

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
