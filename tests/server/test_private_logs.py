"""Private logs belong to a broker: a later server of the same venue goes on with them."""

from __future__ import annotations

import gc
import weakref

from hftlab.protocol import JSON
from hftlab.protocol.publishing.peer import Peer
from hftlab.server.private_logs import private_logs
from hftlab.trading.broker import Broker
from tests.session.test_tables import ORDER
from tests.trading.scripted_venue import ScriptedVenue


def test_a_brokers_logs_go_on() -> None:
    broker = Broker(ScriptedVenue())
    first = private_logs(broker)
    first.add("alice", ORDER)
    again = private_logs(broker)
    assert again.session == first.session
    log = again.sign_in(Peer("a later connection", JSON), "alice")
    assert [message.sequence for message in log.since(first.session, 0)] == [1]
    numbered, _ = again.add("alice", ORDER)
    assert numbered.sequence == 2


def test_two_brokers_have_nothing_in_common() -> None:
    one, other = Broker(ScriptedVenue()), Broker(ScriptedVenue())
    private_logs(one).add("alice", ORDER)
    assert private_logs(other).session != private_logs(one).session
    assert private_logs(other).sequence("alice") == 0


def test_without_a_broker_each_server_has_its_own() -> None:
    first = private_logs(None)
    first.add("alice", ORDER)
    second = private_logs(None)
    assert second.session != first.session
    assert second.sequence("alice") == 0


def test_they_go_with_their_broker() -> None:
    broker = Broker(ScriptedVenue())
    logs = weakref.ref(private_logs(broker))
    assert logs() is not None
    del broker
    gc.collect()
    assert logs() is None
