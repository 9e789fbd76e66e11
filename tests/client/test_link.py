"""What a link says when it cannot be made."""

from __future__ import annotations

import socket

import pytest
from websockets.exceptions import InvalidURI

from hftlab.client.link import Link, _failure
from hftlab.client.metrics import Metrics
from hftlab.errors import ConnectionFailed
from hftlab.protocol import JSON


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ws://127.0.0.1:99999", "Port out of range"),
        ("ws://127.0.0.1:port", "no WebSocket address"),
        ("ws://" + "a" * 70 + ".com:1", "too long"),
        ("ws://", "no WebSocket address"),
        ("", "no WebSocket address"),
        ("http://127.0.0.1:1", "scheme isn't ws or wss"),
        ("ws://user:s3cret@127.0.0.1:99999", r"user:\*\*\*@"),
    ],
)
async def test_an_address_that_is_none_is_said_with_an_example(url: str, says: str) -> None:
    with pytest.raises(ConnectionFailed, match=says) as raised:
        await Link.open(url, JSON, Metrics())
    assert "write one like ws://127.0.0.1:8081" in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "check the spelling of the name"),
        (ConnectionRefusedError(111, "Connection refused"), "check that a server runs there"),
        (TimeoutError(), "no answer in 5 s"),
        (InvalidURI("ws://u:s3cret@x", "no port"), "write one like"),
    ],
)
def test_each_cause_has_its_advice(error: Exception, advice: str) -> None:
    told = str(_failure("ws://x", error))
    assert advice in told
    assert "s3cret" not in told
