"""A thousand seeded lives of clients that share a server: no byte of another's account, nothing lost, nothing twice.

Every run has the first three hundred. Connections are cut, resumed, renewed, expire and change their account while
messages wait for slow readers. Sockets are lists here; what waits is kept by the server's own outbox.
"""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from hftlab.credentials import access_token
from hftlab.protocol import CODECS, Ack, Auth, AuthSuccess, Error, Heartbeat, Message, OrderUpdate, Subscribe
from hftlab.protocol.publishing.authentication import Authenticator
from hftlab.protocol.publishing.limits import Rate, ServerLimits
from hftlab.protocol.publishing.publisher import Publisher
from hftlab.protocol.publishing.server_protocol import ServerProtocol
from hftlab.server.outbox import Outbox
from tests.faults.conftest import order_update
from tests.protocol.conftest import KEY, LIMITS, market_data, symbol

ACCOUNTS = ("alice", "bob", "carol")
BLOCKS, SEEDS = 10, 100
WALL = 1_800_000_000
RATES = ServerLimits(messages=Rate(1e6, 10**6), subscriptions=Rate(1e6, 10**6))


class Connection:
    """A server's end with its outbox, and the wire to the client."""

    def __init__(self, life: Life, key: str, subprotocol: str) -> None:
        self.life, self.codec = life, CODECS[subprotocol]
        self.protocol = ServerProtocol(key, self.codec, life.publisher, Authenticator(KEY), RATES)
        self.outbox = Outbox(10**9, 10**9)
        self.wire: list[bytes] = []
        self.is_paused = False
        self.protocol.open(life.now, life.sent_at)
        self.flush()

    def flush(self) -> None:
        """Write the replies as a server's socket does."""
        for reply in self.protocol.data_to_send():
            if reply.changes_account:
                before = self.outbox.size
                self.outbox.drop_private()
                self.life.dropped += before - self.outbox.size
            self.write(reply.payload, reply.urgent, reply.private)

    def write(self, payload: bytes, urgent: bool, private: bool) -> None:
        if self.is_paused:
            self.outbox.put(payload, urgent=urgent, private=private)
        else:
            self.wire.append(payload)

    def drain(self, count: int) -> None:
        """The reader makes room for so many frames, or for all that wait."""
        while self.outbox and count:
            self.wire.append(self.outbox.take())
            count -= 1
        self.is_paused = bool(self.outbox)


class Known:
    """What a client keeps of one account's private stream, over all its connections."""

    def __init__(self) -> None:
        self.session: str | None = None
        self.sequence: int | None = None
        self.got: list[str] = []
        self.start = 0
        """How many messages of the account there were before this client cared for it."""


class Client:
    """It believes what it reads, and resumes from that."""

    def __init__(self, life: Life, key: str, chance: random.Random) -> None:
        self.life, self.key = life, key
        self.subprotocol = chance.choice(list(CODECS))
        self.known: defaultdict[str, Known] = defaultdict(Known)
        self.account: str | None = None
        """The account of which it has been told that it is signed in as it."""
        self.connection: Connection | None = None

    def connect(self) -> Connection:
        if self.connection is None:
            self.account = None
            self.connection = Connection(self.life, self.key, self.subprotocol)
            self.send(Subscribe(timestamp=1.0, symbols=["AAPL"], frequency=0))
        return self.connection

    def cut(self) -> None:
        """What has not been read is lost."""
        if self.connection is not None:
            self.connection.protocol.end()
            self.connection = self.account = None

    def send(self, request: Message) -> None:
        connection = self.connect()
        connection.protocol.receive(connection.codec.encode(request), self.life.now, self.life.sent_at)
        connection.protocol.sign_in((), self.life.now, self.life.sent_at)
        connection.flush()

    def sign_in(self, account: str, lifetime: float = 900.0) -> None:
        connection, known = self.connect(), self.known[account]
        if known.sequence is None:
            connection.drain(10**9)  # it waits for one answer before it asks again, as it could not resume
        if known.sequence is None or self.life.chance.random() < 0.5:
            self.read()
        token = access_token(KEY, account, WALL + self.life.now, lifetime)
        self.send(Auth(timestamp=1.0, token=token, session=known.session, resume_from=known.sequence))

    def read(self) -> None:
        """Take what is on the wire, and check that it may be there."""
        if self.connection is None:
            return
        wire, self.connection.wire = self.connection.wire, []
        for payload in wire:
            message = self.connection.codec.decode(payload)
            if isinstance(message, AuthSuccess):
                self._signed_in(message)
            elif isinstance(message, Error):
                assert "expired" in message.message
                self.account = None
            for account in ACCOUNTS:
                assert account == self.account or account.encode() not in payload
            if message.channel == 0:
                self._private(message)
            elif isinstance(message, Ack) and message.sequences is not None and 0 in message.sequences:
                assert self.account is not None
                assert message.sequences[0] <= (self.known[self.account].sequence or 0)

    def _signed_in(self, message: AuthSuccess) -> None:
        assert message.subject is not None
        self.account = message.subject
        known = self.known[self.account]
        if known.sequence is None:
            assert message.private_sequence is not None
            known.sequence = known.start = message.private_sequence
        elif known.session != self.life.publisher.session:
            known.sequence, known.start, known.got = 0, 0, []
        known.session = self.life.publisher.session

    def _private(self, message: Message) -> None:
        assert isinstance(message, OrderUpdate)  # no GAP: the log reaches back far enough
        assert self.account is not None
        known = self.known[self.account]
        assert known.sequence is not None
        assert message.sequence is not None
        if message.sequence <= known.sequence:  # a resumption repeats what is on its way
            self.life.repeated += 1
            return
        assert message.sequence == known.sequence + 1
        known.sequence = message.sequence
        known.got.append(message.order_id)


class Life:
    """A server and its clients, whose fate is a seed's."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = 0.0
        self.sessions = self.dropped = self.repeated = 0
        """Bytes that were dropped from outboxes, and messages that came once more with a resumption."""
        self.clients = [Client(self, f"c{number}", self.chance) for number in range(self.chance.randint(2, 4))]
        self._start()

    @property
    def sent_at(self) -> int:
        return round((WALL + self.now) * 1e9)

    def _start(self) -> None:
        self.sessions += 1
        self.publisher: Publisher[str] = Publisher(session=f"s{self.sessions}", limits=LIMITS)
        self.published: defaultdict[str, list[str]] = defaultdict(list)

    def step(self) -> None:
        client = self.chance.choice(self.clients)
        match self.chance.randrange(14):
            case 0 | 1 | 2 | 3:
                self.publish()
            case 4:
                self.publisher.publish(market_data(symbol(price=self.chance.random() + 1)), 0)
                self.poll()
            case 5:
                client.cut()
            case 6:
                client.connect().is_paused = True
            case 7:
                client.connect().drain(self.chance.randint(1, 5))
            case 8:
                client.send(Heartbeat(timestamp=1.0))
            case 9:
                client.read()
            case 10:
                self.wait(self.chance.choice((1.0, 5.0, 20.0)))
            case _:
                client.sign_in(self.chance.choice(ACCOUNTS), self.chance.choice((2.0, 10.0, 900.0)))

    def publish(self) -> None:
        """Private messages, of which some wait to be numbered while identities change."""
        account = self.chance.choice(ACCOUNTS)
        order_id = f"{account}-{len(self.published[account])}"
        self.published[account].append(order_id)
        update = order_update(0, reason=account)
        update.order_id = order_id
        self.publisher.publish(update, 0, account)
        if self.chance.random() < 0.8:
            self.poll()

    def poll(self) -> None:
        connections = {client.key: client.connection for client in self.clients}
        for payload, _, readers, private in self.publisher.poll(0, self.sent_at):
            for key in readers:
                connection = connections[key]
                assert connection is not None
                connection.write(payload, private, private)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for client in self.clients:
            if client.connection is not None:
                client.connection.protocol.handle_deadline(self.now, self.sent_at)
                client.connection.flush()

    def settle(self) -> None:
        """Every client comes back as each of its accounts, and has all that the account was sent since the first."""
        self.poll()
        for client in self.clients:
            client.cut()
            for account, known in client.known.items():
                client.sign_in(account)
                client.read()
                assert known.got == self.published[account][known.start :]

    def restart(self) -> None:
        self.settle()
        for client in self.clients:
            client.cut()
        self._start()


def live(seed: int) -> Life:
    life = Life(seed)
    for part in range(2):
        for _ in range(20):
            life.step()
        if part == 0 and life.chance.random() < 0.3:
            life.restart()
    life.settle()
    return life


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "block", [*range(3), *(pytest.param(block, marks=pytest.mark.soak) for block in range(3, BLOCKS))]
)
def test_no_byte_of_another_account_and_nothing_lost_or_doubled(block: int) -> None:
    dropped = repeated = 0
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        try:
            life = live(seed)
        except AssertionError as exc:
            exc.add_note(f"seed {seed}")
            raise
        dropped, repeated = dropped + life.dropped, repeated + life.repeated
    assert dropped > 0
    assert repeated > 0
