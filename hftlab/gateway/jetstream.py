"""The two streams of a cluster at JetStream: requests of accounts, and what accounts are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from hftlab.errors import HftlabError
from hftlab.gateway.subjects import Subjects
from hftlab.protocol.publishing.private_log import MOST_MESSAGES

if TYPE_CHECKING:
    from nats.js import JetStreamContext

__all__ = ["ORDER_LIFETIME", "follow", "last_sequence", "open_streams", "purge_accounts"]

ORDER_LIFETIME: Final = 10.0
"""Seconds after which a request that no publisher has read is gone: nobody wants an order of long ago."""
_ACCOUNT_LIFETIME: Final = 7 * 24 * 3600.0
_MOST_IN_ALL: Final = 400_000
_HEARTBEAT: Final = 0.5
"""Seconds between signs of life of a consumer; without two of them it is made anew, behind what has been read."""


async def open_streams(js: JetStreamContext, subjects: Subjects, where: str) -> None:
    """Make the streams, or give those that are there our limits. Raises HftlabError where JetStream is off."""
    from nats.js.api import DiscardPolicy, StreamConfig

    orders = StreamConfig(
        name=subjects.order_stream,
        subjects=[f"{subjects.orders}.*"],
        max_age=ORDER_LIFETIME,
        discard=DiscardPolicy.OLD,
        duplicate_window=ORDER_LIFETIME,
    )
    accounts = StreamConfig(
        name=subjects.account_stream,
        subjects=[f"{subjects.accounts}.*.*"],
        max_msgs_per_subject=MOST_MESSAGES,
        max_msgs=_MOST_IN_ALL,
        max_age=_ACCOUNT_LIFETIME,
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
        raise HftlabError(f"JetStream of NATS at {where} refuses the stream {config.name}: {exc}") from exc


async def purge_accounts(js: JetStreamContext, subjects: Subjects) -> None:
    """Throw away what accounts were told in an earlier session."""
    await js.purge_stream(subjects.account_stream)


async def last_sequence(js: JetStreamContext, stream: str) -> int:
    """Return the number of the newest record of a stream, 0 if it is empty."""
    info = await js.stream_info(stream)
    return 0 if info.state.messages == 0 else info.state.last_seq


async def follow(
    js: JetStreamContext, stream: str, subject: str, take: Callable[[Any], Awaitable[None]], *, only_new: bool
) -> Any:
    """Give `take` every message of a stream once and in order, whatever becomes of connections in between.

    Returns the subscription. It begins with the oldest that is kept, or with `only_new` behind the newest.
    """
    from nats.js.api import DeliverPolicy

    return await js.subscribe(
        subject,
        cb=take,
        stream=stream,
        ordered_consumer=True,
        idle_heartbeat=_HEARTBEAT,
        deliver_policy=DeliverPolicy.NEW if only_new else DeliverPolicy.ALL,
    )
