"""The two streams of a cluster at JetStream: requests of accounts, and what accounts are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from hftlab.errors import HftlabError
from hftlab.gateway.subjects import Subjects
from hftlab.log import get_logger
from hftlab.protocol.publishing.private_log import MOST_MESSAGES

if TYPE_CHECKING:
    from nats.aio.client import Client as NatsClient
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

__all__ = ["ORDER_LIFETIME", "StreamReader", "answered_jetstream", "last_sequence", "open_streams", "purge_accounts"]

ORDER_LIFETIME: Final = 10.0
"""Seconds after which a request that no publisher has read is gone: nobody wants an order of long ago."""
_ACCOUNT_LIFETIME: Final = 7 * 24 * 3600.0
_MOST_IN_ALL: Final = 400_000
_ACCOUNT_BYTES: Final = 256 * 1024 * 1024
"""Bytes of all that accounts are told; beyond them the oldest go, as they do from a server's log."""
_ORDER_BYTES: Final = 16 * 1024 * 1024
"""Bytes of requests that wait; beyond them new ones are refused."""
_RETRY: Final = 0.2
_HEARTBEAT: Final = 0.5
"""Seconds between signs of life of a consumer; without two of them it is made anew, behind what has been read."""


_log = get_logger("hftlab.gateway")


async def open_streams(js: JetStreamContext, subjects: Subjects, where: str) -> None:
    """Make the streams, or give those that are there our limits. Raises HftlabError where JetStream is off."""
    from nats.js.api import DiscardPolicy, StreamConfig

    orders = StreamConfig(
        name=subjects.order_stream,
        subjects=[f"{subjects.orders}.*"],
        max_age=ORDER_LIFETIME,
        max_bytes=_ORDER_BYTES,
        discard=DiscardPolicy.NEW,  # a request that is thrown away would have no answer
        duplicate_window=ORDER_LIFETIME,
    )
    accounts = StreamConfig(
        name=subjects.account_stream,
        subjects=[f"{subjects.accounts}.*.*"],
        max_msgs_per_subject=MOST_MESSAGES,
        max_msgs=_MOST_IN_ALL,
        max_age=_ACCOUNT_LIFETIME,
        max_bytes=_ACCOUNT_BYTES,
        discard=DiscardPolicy.OLD,
    )
    for config in (orders, accounts):
        await _open(js, config, where)


async def _open(js: JetStreamContext, config: Any, where: str) -> None:
    from nats.errors import Error, NoRespondersError
    from nats.errors import TimeoutError as NatsTimeout
    from nats.js.errors import APIError, BadRequestError, ServiceUnavailableError

    try:
        try:
            await js.add_stream(config)
        except BadRequestError:  # it is there, with other limits
            await js.update_stream(config)
    except (ServiceUnavailableError, NoRespondersError, NatsTimeout) as exc:
        raise HftlabError(
            f"NATS at {where} runs without JetStream, which orders and accounts need ({str(exc) or 'no answer'}): "
            "start nats-server with -js, or publish market data alone (--no-orders)"
        ) from exc
    except (APIError, Error) as exc:
        if "insufficient storage" in str(exc):
            raise HftlabError(
                f"JetStream of NATS at {where} has no room for the stream {config.name}, which needs "
                f"{config.max_bytes:,} bytes: raise max_file_store there, or free space"
            ) from exc
        raise HftlabError(f"JetStream of NATS at {where} refuses the stream {config.name}: {exc}") from exc


def answered_jetstream(client: NatsClient) -> JetStreamContext:
    """Make a context whose publish_async() ends with an APIError where JetStream refuses a message.

    The library's own raises that error where it reads the answer, and leaves who waits for it waiting.
    """
    from nats.js import JetStreamContext
    from nats.js.errors import APIError

    class AnsweredJetStream(JetStreamContext):
        async def _handle_async_reply(self, msg: Msg) -> None:
            try:
                await super()._handle_async_reply(msg)
            except APIError as exc:
                future = self._publish_async_futures.get(msg.subject.rpartition(".")[2])
                if future is not None and not future.done():
                    future.set_exception(exc)

    return AnsweredJetStream(client)


async def purge_accounts(js: JetStreamContext, subjects: Subjects) -> None:
    """Throw away what accounts were told in an earlier session."""
    await js.purge_stream(subjects.account_stream)


async def last_sequence(js: JetStreamContext, stream: str) -> int:
    """Return the number of the newest record of a stream, 0 if it is empty."""
    info = await js.stream_info(stream)
    return 0 if info.state.messages == 0 else info.state.last_seq


class StreamReader:
    """Reader of a stream: `take` gets every message once and in order, whatever becomes of connections in between.

    It begins with the oldest that is kept, or with `only_new` behind the newest. The library notices the loss of a
    consumer by its heartbeats; restart() spares that time where it is known, as behind a new connection.
    """

    def __init__(
        self, js: JetStreamContext, stream: str, subject: str, take: Callable[[Msg], None], *, only_new: bool
    ) -> None:
        self.last = 0
        """Number of the newest message that was taken."""
        self._js, self._stream, self._subject, self._take = js, stream, subject, take
        self._only_new = only_new
        self._subscription: Any = None
        self._restarts = 0
        """Number of the newest call of restart() or stop(), which ends those of before."""

    async def start(self) -> Self:
        """Begin to read."""
        from nats.js.api import DeliverPolicy

        if self._only_new:  # a stream that was made anew meanwhile counts from 1
            self.last = await last_sequence(self._js, self._stream)
        await self._subscribe(DeliverPolicy.ALL if self.last == 0 else DeliverPolicy.BY_START_SEQUENCE)
        return self

    async def restart(self) -> None:
        """Go on behind the newest message, with a new consumer, as soon as JetStream has the stream again."""
        await self.stop()
        restart = self._restarts
        while restart == self._restarts:
            try:
                await self._go_on()
            except Exception as exc:  # of the library, whose types are many
                _log.warning("a stream cannot be read: trying again", stream=self._stream, reason=repr(exc))
                await asyncio.sleep(_RETRY)
            else:
                return

    async def _go_on(self) -> None:
        from nats.js.api import DeliverPolicy

        if await last_sequence(self._js, self._stream) < self.last:
            self.last = 0  # it was made anew, and counts from 1
        await self._subscribe(DeliverPolicy.ALL if self.last == 0 else DeliverPolicy.BY_START_SEQUENCE)

    async def stop(self) -> None:
        """Read no more."""
        self._restarts += 1
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with suppress(Exception):  # of a connection or a stream that may be gone
                await subscription.unsubscribe()

    async def _subscribe(self, policy: Any) -> None:
        from nats.js.api import ConsumerConfig

        config = ConsumerConfig(deliver_policy=policy, opt_start_seq=self.last + 1 if self.last else None)
        self._subscription = await self._js.subscribe(
            self._subject,
            cb=self._taken,
            stream=self._stream,
            config=config,
            ordered_consumer=True,
            idle_heartbeat=_HEARTBEAT,
        )

    async def _taken(self, message: Msg) -> None:
        sequence = message.metadata.sequence.stream
        if sequence > self.last:
            self.last = sequence
            self._take(message)
