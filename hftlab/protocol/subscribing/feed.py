"""Feed of one connection: what the server sends by itself, in the order of its sequences."""

from __future__ import annotations

from hftlab.protocol.messages import Ack, Message, Subscribe
from hftlab.protocol.order_messages import PRIVATE_CHANNEL, PRIVATE_MESSAGES
from hftlab.protocol.subscribing.client_events import DUPLICATE, STREAMED, ClientEvent, Received
from hftlab.protocol.subscribing.loss import Loss
from hftlab.protocol.subscribing.subscriber import Subscriber

__all__ = ["Feed"]


class Feed:
    """Messages of one connection, taken in by its Subscriber: each becomes a Received, after the losses it shows."""

    def __init__(self, subscriber: Subscriber) -> None:
        self.is_lossy = False
        """True if messages are missing that have not been requested again."""
        self._subscriber = subscriber

    def stream(self, message: Message) -> list[ClientEvent]:
        """Take in a message of a public channel, or of none."""
        losses = self._subscriber.receive(message)
        received = Received(message, None, STREAMED)
        if not losses:
            return [received]
        self.is_lossy = True
        return [*losses, received]

    def private(self, message: Message, account: str | None) -> list[ClientEvent]:
        """Take in a message of the private channel of `account`."""
        is_new, losses = self._subscriber.private.receive(message)
        owner = account if isinstance(message, PRIVATE_MESSAGES) else None
        return [*losses, Received(message, owner, STREAMED if is_new else DUPLICATE)]

    def acknowledge(self, message: Ack) -> list[Loss]:
        """Take in the last sequences of an ACK; returns the losses that they show."""
        losses = self._subscriber.receive(message)
        if losses:
            self.is_lossy = True
        return losses + self._subscriber.private.advance((message.sequences or {}).get(PRIVATE_CHANNEL))

    def requests(self) -> list[Subscribe]:
        """Return the requests that bring the state up to date after losses; the feed counts as whole again."""
        self.is_lossy = False
        return self._subscriber.requests()
