"""The stream of a server without I/O: source messages and subscriptions in, payloads and their readers out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from hftlab.clock import to_milliseconds
from hftlab.errors import ArgumentTypeError, MessageParseError, ServerError, WireError
from hftlab.protocol.base import Base
from hftlab.protocol.codec import Codec
from hftlab.protocol.encoded_market_data import EncodedMarketData, RawMarketData
from hftlab.protocol.enums import ErrorType, SlowConsumer
from hftlab.protocol.latest_state import LatestState
from hftlab.protocol.messages import (
    Ack,
    Arbitrage,
    BookDelta,
    ChannelInfo,
    Error,
    Gap,
    Heartbeat,
    Limits,
    MarketData,
    Message,
    Ping,
    Pong,
    Request,
    ServerShutdown,
    Subscribe,
    Unsubscribe,
)
from hftlab.protocol.order_messages import PRIVATE_CHANNEL, PRIVATE_MESSAGES, PrivateMessage
from hftlab.protocol.publishing.accounts import Accounts
from hftlab.protocol.publishing.channel import Channel
from hftlab.protocol.publishing.channels import Channels
from hftlab.protocol.publishing.peer import Backlog, Peer, Skipped
from hftlab.protocol.publishing.private_queue import PrivateQueue
from hftlab.protocol.publishing.subscription_limits import SubscriptionLimits
from hftlab.protocol.subscriptions import DEFAULT_DATA_TYPES

K = TypeVar("K", bound=Hashable)

__all__ = ["PROTOCOL_VERSION", "Backlog", "Delivery", "Publisher", "check_publishable", "is_private"]

PROTOCOL_VERSION: Final = "1.0"

_PUBLISHED: Final = (MarketData, BookDelta, Arbitrage, *PRIVATE_MESSAGES)
_PUBLIC: Final = (MarketData, Arbitrage)


def is_private(message: Message) -> bool:
    """Return whether a message belongs to one account."""
    return isinstance(message, PRIVATE_MESSAGES)


def check_publishable(message: Message) -> None:
    """Check that servers publish this type of message. Raises MessageParseError, TypeError if it is not a message."""
    if not isinstance(message, Base):
        raise ArgumentTypeError(
            f"a server publishes messages such as hftlab.protocol.MarketData(...), got {message!r:.80}"
        )
    if not isinstance(message, _PUBLISHED):
        kinds = ", ".join(str(kind.__struct_config__.tag) for kind in _PUBLISHED)
        raise MessageParseError(f"{message.type} cannot be published: a server publishes {kinds}", field="type")


class Delivery(NamedTuple, Generic[K]):
    """One payload, encoded once, with the readers that it is for at the moment when it is taken.

    `private` ones belong to an account, and go before all that waits.
    """

    payload: bytes
    codec: Codec
    readers: Collection[K]
    private: bool = False


class Publisher(Generic[K]):
    """Publishes a source to connections: channels, sequences, private streams, and what slow readers skip.

    Connections are known by any hashable key. `at` is source time, on which channels keep their pace whatever the
    speed; `sent_at` is the wall time stamped on messages (ts_out). Both are int64 nanoseconds. Unless it is `public`,
    connections that have not signed in get neither the symbols nor the replay's status; the caller refuses their
    requests. `accounts` are those of an earlier publisher of the same session, whose private messages go on.
    """

    def __init__(
        self,
        *,
        session: str,
        limits: Limits,
        symbols: Sequence[str] | None = None,
        public: bool = True,
        accounts: Accounts[K] | None = None,
    ) -> None:
        self.session = session
        self.published = 0
        self.errors: Counter[str] = Counter()
        """The ERROR and AUTH_FAILED messages to all connections, by type."""
        self._accounts: Accounts[K] = Accounts(session) if accounts is None else accounts
        self._subscription_limits = SubscriptionLimits(symbols, limits)
        self.is_public = public
        self._peers: dict[K, Peer[K]] = {}
        self._channels: Channels[K] = Channels()
        self._state = LatestState()
        self.latest = self._state.latest
        self._at = 0
        """Source time of the last message."""
        self._private = PrivateQueue()
        self._left = Skipped()
        """Messages skipped for connections that have left."""

    def offer(self, symbols: Sequence[str], limits: Limits) -> None:
        """Offer other symbols from now on, with other limits; what is subscribed to stays."""
        self._subscription_limits = SubscriptionLimits(symbols, limits)

    def begin_session(self, accounts: Accounts[K]) -> None:
        """Go on with the accounts of another session. Nobody is signed in to it: connections have to come back."""
        for peer in self._peers.values():
            self._accounts.sign_out(peer)
        self.session, self._accounts = accounts.session, accounts
        self._private = PrivateQueue()

    # --- connections ---

    def join(self, key: K, codec: Codec, sent_at: int) -> bytes:
        """Add a connection; returns its welcome."""
        self._peers[key] = Peer(key, codec)
        welcome = Ack(
            timestamp=to_milliseconds(sent_at),
            message="Connected to HFT WebSocket Server",
            session=self.session,
            version=PROTOCOL_VERSION,
            connection_id=str(key),
            limits=self._subscription_limits.limits,
            symbols=self.offered_to(key),
        )
        return codec.encode(welcome)  # type: ignore[no-any-return]

    def leave(self, key: K) -> None:
        """Forget a connection."""
        peer = self._peers.pop(key, None)
        if peer is not None:
            self._accounts.sign_out(peer)
            self._channels.release(peer)
            self._left = self._left.plus(peer.skipped)

    def offered_to(self, key: K) -> list[str] | None:
        """Return the symbols that a connection may subscribe to; None if it gets no list."""
        symbols = self._subscription_limits.symbols
        return list(symbols) if symbols is not None and self.gets_notices(key) else None

    def gets_notices(self, key: K) -> bool:
        """Return whether a connection gets the messages of notify()."""
        return self.is_public or self._peers[key].account is not None

    @property
    def channels(self) -> list[Channel[K]]:
        """All channels that have peers."""
        return list(self._channels)

    def channels_of(self, key: K) -> list[ChannelInfo]:
        """Describe the channels that serve a connection."""
        peer = self._peers.get(key)
        return [] if peer is None else [channel.info() for channel in peer.channels.values()]

    def set_backlog(self, key: K, backlog: Backlog, sent_at: int) -> list[bytes]:
        """Note how far a reader is behind; returns the payloads that bring it up to date once it has caught up.

        It holds for everything that is taken from poll() afterwards.
        """
        peer = self._peers.get(key)
        if peer is None or peer.backlog is backlog:
            return []
        return [
            _stamped(message, peer.codec, sent_at)
            for message in peer.set_backlog(backlog, self.latest, self._state.flagged)
        ]

    @property
    def conflated(self) -> int:
        """State messages that slow readers have skipped so far."""
        return self._skipped.conflated

    @property
    def gaps(self) -> int:
        """Gaps in the events of slow readers so far: declared, or to be declared once their backlog shrinks."""
        return self._skipped.gaps

    @property
    def _skipped(self) -> Skipped:
        total = self._left
        for peer in self._peers.values():
            total = total.plus(peer.skipped)
        return total

    def is_unforgiving(self, key: K) -> bool:
        """Return whether a subscription asks to be disconnected when its reader is too slow."""
        peer = self._peers.get(key)
        return peer is not None and any(
            subscription.slow_consumer is SlowConsumer.DISCONNECT for subscription in peer.channels
        )

    # --- private messages ---

    def authenticate(
        self, key: K, account: str, sent_at: int, session: str | None = None, resume_from: int | None = None
    ) -> list[bytes]:
        """Give a connection the private messages of `account` from now on, and of no other.

        `resume_from` is the last private sequence of `session` that the client has: returns the messages that it has
        missed since, after a GAP for those that the log no longer holds.
        """
        peer = self._peers[key]
        log = self._accounts.sign_in(peer, account)
        if resume_from is None:
            return []
        return [_stamped(message, peer.codec, sent_at) for message in log.since(session, resume_from)]

    def withhold_state(self, key: K, *, is_withheld: bool) -> None:
        """Send a connection no state of its account, such as its portfolio, until it can be told all of it."""
        if key in self._peers:
            self._peers[key].lacks_state = is_withheld

    def deauthenticate(self, key: K) -> None:
        """Give a connection no more private messages."""
        if key in self._peers:
            self._accounts.sign_out(self._peers[key])

    def can_resume(self, account: str, session: str | None, resume_from: int | None) -> bool:
        """Return whether authenticate() will give every private message after `resume_from` of `session`."""
        return self._accounts.can_resume(account, session, resume_from)

    def private_sequence(self, account: str) -> int:
        """The sequence of the newest private message of an account."""
        return self._accounts.sequence(account)

    # --- requests ---

    def answer(self, key: K, request: Request, sent_at: int) -> list[bytes]:
        """Do what a connection asks for; returns the replies. Raises a WireError that says why it cannot be done."""
        peer = self._peers[key]
        return [_stamped(reply, peer.codec, sent_at) for reply in self._answer(peer, request, sent_at)]

    def refusal(self, key: K, error: WireError, request_id: str | None, sent_at: int) -> bytes:
        """Return the ERROR that says what is wrong with a request, and count it."""
        self.errors[error.wire_type] += 1
        reply = Error(
            timestamp=1.0,
            id=request_id,
            error_type=ErrorType(error.wire_type),
            message=str(error),
            recoverable=error.recoverable,
            context=error.context,
            retry_after=error.retry_after,
        )
        return _stamped(reply, self._peers[key].codec, sent_at)

    def _answer(self, peer: Peer[K], request: Request, sent_at: int) -> list[Message]:
        match request:
            case Subscribe():
                return self._subscribe(peer, request)
            case Unsubscribe():
                peer.wanted.remove(request.symbols, request.data_types)
                last_messages, entered = self._channels.replan(peer, self.latest, self._at)
                said = f"Unsubscribed from {len(request.symbols)} symbols"
                return [*last_messages, self._ack(request, said, entered), *self._snapshots(entered)]
            case Heartbeat():
                sequences = {channel.number: peer.last(channel) for channel in peer.channels.values()}
                if peer.account is not None:
                    sequences[PRIVATE_CHANNEL] = self._accounts.sequence(peer.account)
                return [Ack(timestamp=1.0, id=request.id, message="Heartbeat", sequences=sequences)]
            case Ping():
                pong = Pong(
                    timestamp=1.0,
                    id=request.id,
                    ping_id=request.ping_id,
                    ping_timestamp=request.timestamp,
                    received_at=to_milliseconds(sent_at),
                )
                return [pong]
            case _:
                raise ServerError(f"this server does not take {request.type} messages", context={"type": request.type})

    def _subscribe(self, peer: Peer[K], request: Subscribe) -> list[Message]:
        self._subscription_limits.check(request, peer.wanted)
        peer.wanted.add(request.symbols, request.data_types, request.frequency, request.slow_consumer)
        last_messages, entered = self._channels.replan(peer, self.latest, self._at)
        # Asking again is how a client resynchronises, so channels it was in already send a snapshot as well.
        symbols, kinds = set(request.symbols), set(request.data_types or DEFAULT_DATA_TYPES)
        touched = [
            channel
            for subscription, channel in peer.channels.items()
            if channel in entered
            or not (kinds.isdisjoint(subscription.data_types) or symbols.isdisjoint(subscription.symbols))
        ]
        ack = self._ack(request, f"Subscribed to {len(request.symbols)} symbols", touched)
        return [*last_messages, ack, *self._snapshots(touched)]

    def _ack(self, request: Request, message: str, touched: Iterable[Channel[K]]) -> Ack:
        return Ack(timestamp=1.0, id=request.id, message=message, channels=[channel.info() for channel in touched])

    def _snapshots(self, channels: Iterable[Channel[K]]) -> list[Message]:
        """Return the state of channels: of symbols whose data is missing at present, the GAP that says so."""
        return [
            message
            for channel in channels
            for message in (*channel.missing(self._state.flagged, channel.sequence), *channel.snapshot(self.latest))
        ]

    # --- the stream ---

    def publish(self, message: Message, at: int, account: str | None = None) -> None:
        """Take in one message of the source, due at `at`; poll() returns what has to be sent for it.

        A private message needs the `account` that it belongs to. Messages that servers do not stream are left out: a
        client's recording has the replies to its requests as well. A Gap of the source becomes one of each channel that
        has its symbols; who subscribes to them before their next message is sent one as well.
        """
        if isinstance(message, Gap):
            self._at = at
            self._channels.lose(message.symbols, message.reason, self.latest, at)
            missing = self._subscription_limits.symbols if message.symbols is None else message.symbols
            self._state.flag(missing, message.reason)
            return
        if not isinstance(message, _PUBLISHED):
            return
        self.published += 1
        self._at = at
        message = self._state.take_in(message)
        if isinstance(message, _PUBLIC):
            self._channels.change(message, at)
        elif isinstance(message, PRIVATE_MESSAGES):
            if account is None:
                raise ValueError(f"{message.type} is private: say whose it is with account=...")
            self._private.put(account, message, at)

    def publish_encoded(self, message: EncodedMarketData, at: int) -> None:
        """Take in MARKET_DATA whose symbols are encoded; it is decoded only if that has to be."""
        if not self._state.take_in_encoded(message):
            self.publish(message.decoded(), at)
            return
        self.published += 1
        self._at = at
        self._channels.change_encoded(message, at)

    def copied_state(self) -> LatestState:
        """Return a copy of the state of all symbols, to which later messages of the source can be applied."""
        return self._state.copy()

    @property
    def prefers_encoded(self) -> bool:
        """True if publish_encoded() has less to do than publish(), with the subscriptions that there are."""
        return self._channels.prefer_encoded

    def restart(self, state: Iterable[Message], at: int, sent_at: int) -> Iterator[Delivery[K]]:
        """Go on from another position of the source: forget all state and take in `state` instead.

        Returns a snapshot for each channel that has state. Send what waits for poll() before.
        """
        self._at = at
        self._state.clear()
        for message in state:
            self._state.take_in(message)
        self._channels.restart(self.latest, at)
        return self.poll(at, sent_at)

    def withdraw(self, at: int, sent_at: int) -> list[Delivery[K]]:
        """Take back the private messages of after `at`: returns a GAP to each account that was sent some.

        Send what waits for poll() before, and state_of() the accounts_with_readers behind it.
        """
        return [
            delivery
            for gap, peers in self._accounts.withdraw(at)
            for delivery in self._deliver(gap, sent_at, peers, private=True)
        ]

    @property
    def accounts_with_readers(self) -> list[str]:
        """Accounts that connections are signed in as."""
        return self._accounts.signed_in()

    def remembers(self, account: str, at: int) -> bool:
        """Return whether withdraw() can tell an account's private messages of after `at` from those before."""
        return self._accounts.reaches(account, at)

    def state_of(self, account: str, messages: Iterable[PrivateMessage], sent_at: int) -> list[Delivery[K]]:
        """Return messages that tell an account's state, outside of its sequence, to all its connections."""
        peers = self._accounts.peers(account)
        return [delivery for message in messages for delivery in self._deliver(message, sent_at, peers, private=True)]

    def next_time(self) -> int | None:
        """Return when poll() has something to send, in source time; None if nothing waits."""
        return 0 if self._private else self._channels.next_time()

    def poll(self, at: int, sent_at: int, *, early: bool = False) -> Iterator[Delivery[K]]:
        """Yield everything that is due by `at`; with `early` also what waits for its channel's pace.

        A delivery counts as sent when it is taken; write it to its readers before taking the next one. What is not
        taken stays, so that a reader which falls behind in between skips just what follows.
        """
        self._channels.collect(self.latest, at, early=early)
        if self._private:
            yield from self._private_deliveries(sent_at)
        for channel, data in self._channels.take():
            data.timestamp = to_milliseconds(sent_at)
            for codec, readers in channel.send(data.sequence or 0):
                encoded = data.decoded() if codec.binary and isinstance(data, RawMarketData) else data
                yield Delivery(codec.encode(encoded), codec, readers)

    def _private_deliveries(self, sent_at: int) -> Iterator[Delivery[K]]:
        """Yield what waits of accounts; readers that are behind go without state, as newer state comes soon."""
        while (event := self._private.next_event()) is not None:
            numbered, readers = self._accounts.add(*event)
            yield from self._deliver(numbered, sent_at, readers, private=True)
        for account, message in self._private.take_state():
            peers = [peer for peer in self._accounts.peers(account) if _takes_state(peer)]
            # A copy, as taps have the message: its time there is the source's.
            yield from self._deliver(msgspec.structs.replace(message), sent_at, peers, private=True)

    def notify(self, message: Message, sent_at: int) -> list[Delivery[K]]:
        """Return a message such as REPLAY_STATUS for every connection that may have it; SERVER_SHUTDOWN is for all."""
        is_for_all = self.is_public or isinstance(message, ServerShutdown)
        return self._deliver(
            message, sent_at, [one for one in self._peers.values() if is_for_all or one.account is not None]
        )

    def _deliver(
        self, message: Message, sent_at: int, peers: Iterable[Peer[K]], *, private: bool = False
    ) -> list[Delivery[K]]:
        readers: dict[Codec, list[K]] = {}
        for peer in peers:
            readers.setdefault(peer.codec, []).append(peer.key)
        return [Delivery(_stamped(message, codec, sent_at), codec, keys, private) for codec, keys in readers.items()]


def _takes_state(peer: Peer[K]) -> bool:
    return peer.backlog is Backlog.NONE and not peer.lacks_state


def _stamped(message: Message, codec: Codec, sent_at: int) -> bytes:
    message.timestamp = to_milliseconds(sent_at)
    return codec.encode(message)  # type: ignore[no-any-return]
