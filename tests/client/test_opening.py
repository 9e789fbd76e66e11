"""Opening a socket, and what its failures say."""

from __future__ import annotations

import socket
import ssl
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError, InvalidURI
from websockets.http11 import Request, Response

from hftlab.client.opening import open_socket
from hftlab.errors import ConnectionFailed
from hftlab.protocol import JSON


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ws://127.0.0.1:99999", "Port out of range"),
        ("ws://127.0.0.1:port", "not a WebSocket address"),
        ("ws://" + "a" * 70 + ".com:1", "too long"),
        ("ws://", "not a WebSocket address"),
        ("", "not a WebSocket address"),
        ("http://127.0.0.1:1", "scheme isn't ws or wss"),
        ("ws://user:s3cret@127.0.0.1:99999", r"user:\*\*\*@"),
    ],
)
async def test_an_address_that_is_none_is_said_with_an_example(url: str, says: str) -> None:
    with pytest.raises(ConnectionFailed, match=says) as raised:
        await open_socket(url, JSON)
    assert "write one like ws://127.0.0.1:" in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "check the spelling of the name"),
        (ConnectionRefusedError(111, "Connection refused"), "check that a server runs there"),
        (TimeoutError(), "no answer in 5 s"),
        (ConnectionClosedError(None, None), "check that a server runs there"),  # lost before the request was sent
        (InvalidURI("ws://u:s3cret@x", "no port"), "write one like"),
    ],
)
async def test_each_cause_has_its_advice(monkeypatch: pytest.MonkeyPatch, error: Exception, advice: str) -> None:
    def fail(*_: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("hftlab.client.opening.connect", fail)
    with pytest.raises(ConnectionFailed, match=advice) as raised:
        await open_socket("ws://u:s3cret@x", JSON)
    assert "s3cret" not in str(raised.value)


async def test_tls_without_a_secure_address_is_a_mistake() -> None:
    with pytest.raises(ConnectionFailed, match="without TLS"):
        await open_socket("ws://127.0.0.1:1", JSON, ssl.create_default_context())


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("soon", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
async def test_a_refusal_may_say_when_to_come_back(said: str, seconds: float | None) -> None:
    """RFC 9110 section 10.2.3; the form of a date is left alone."""

    def refuse(connection: ServerConnection, _: Request) -> Response:
        response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full")
        response.headers["Retry-After"] = said
        return response

    async with serve(lambda _: None, "127.0.0.1", 0, process_request=refuse) as server:  # type: ignore[arg-type, return-value]
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(ConnectionFailed, match="503") as raised:
            await open_socket(f"ws://127.0.0.1:{port}", JSON)
    assert raised.value.retry_after == seconds
