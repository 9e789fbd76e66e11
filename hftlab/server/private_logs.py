"""Private logs of a broker's accounts, which outlive a server."""

from __future__ import annotations

import uuid
from typing import Any, Final
from weakref import WeakKeyDictionary

from hftlab.protocol.publishing.accounts import Accounts
from hftlab.trading.broker import Broker

__all__ = ["private_logs"]

_logs: Final[WeakKeyDictionary[Broker, Accounts[Any]]] = WeakKeyDictionary()


def private_logs(broker: Broker | None) -> Accounts[Any]:
    """Return the private messages of a broker's accounts; new ones where there is no broker.

    A server that takes the place of another one goes on with its session, so that clients which come back get what they
    have missed in between.
    """
    if broker is None:
        return Accounts(uuid.uuid4().hex)
    return _logs.setdefault(broker, Accounts(uuid.uuid4().hex))
