"""Opening of a client's WebSocket, with errors that say what to do."""

from __future__ import annotations

import socket
from ssl import SSLCertVerificationError, SSLContext, SSLError
from typing import Any, Final

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from hftlab.client.client_socket import ClientSocket
from hftlab.errors import CertificateFailed, ConnectionFailed
from hftlab.port import DEFAULT_PORT
from hftlab.protocol import Codec
from hftlab.transport.address import is_local, nearest_address, redacted

__all__ = ["open_socket"]

_OPEN_TIMEOUT: Final = 5.0
_CLOSE_TIMEOUT: Final = 1.0
_MAX_MESSAGE: Final = 16 * 1024 * 1024


async def open_socket(url: str, codec: Codec, ssl: SSLContext | None = None) -> ClientSocket:
    """Connect. Raises ConnectionFailed, with `retry_after` if the server has said when to come back.

    `ssl` says whom to trust at a wss:// address; the system's authorities without.
    """
    shown = redacted(url)
    if ssl is not None and not url.lower().startswith("wss:"):
        raise ConnectionFailed(f"`ssl` is given, but {shown} is without TLS: write wss://, or leave `ssl` out")
    secured: dict[str, Any] = {} if ssl is None else {"ssl": ssl}
    try:
        opened = await connect(
            url,
            subprotocols=[Subprotocol(codec.subprotocol)],
            max_size=_MAX_MESSAGE,
            close_timeout=_CLOSE_TIMEOUT,
            open_timeout=_OPEN_TIMEOUT,
            proxy=None,
            # On one machine bytes cost less than the time to compress them.
            compression=None if is_local(url) else "deflate",
            # The protocol's own heartbeats watch for silence.
            ping_interval=None,
            create_connection=ClientSocket,
            **secured,
        )
    # The connection may also be lost between its opening and the request.
    except (OSError, ConnectionClosed, InvalidHandshake, InvalidURI, ValueError) as exc:
        raise _failure(shown, exc) from None
    assert isinstance(opened, ClientSocket)
    return opened


def _failure(url: str, error: Exception) -> ConnectionFailed:
    """Make the error that says why a connection could not be made, and what to do."""
    if isinstance(error, SSLCertVerificationError):
        return CertificateFailed(
            f"the certificate of {url} is not trusted ({error.verify_message}): connect by the name that it is for, "
            "and give a certificate authority of your own as ssl=ssl.create_default_context(cafile=...)"
        )
    if not isinstance(error, OSError | ConnectionClosed | InvalidHandshake):
        why = error.msg if isinstance(error, InvalidURI) else str(error)
        near = nearest_address(url)
        failed = ConnectionFailed(
            f"{url!r} is not a WebSocket address ({why}): write one like {near or f'ws://127.0.0.1:{DEFAULT_PORT}'}"
        )
        return failed if near is None else failed.advise(instead={url: repr(near)})
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "no answer in 5 s"
    if isinstance(error, InvalidStatus) and (said := _body(error)) is not None:
        return ConnectionFailed(f"cannot connect to {url} ({reason}): {said}", retry_after=_retry_after(error))
    advice = "check that a server runs there and the port is right"
    if isinstance(error, socket.gaierror):
        advice = "check the spelling of the name, and this machine's DNS"
    elif isinstance(error, SSLError):
        advice = "write ws:// if the server there is without TLS"
    elif isinstance(error, TimeoutError) and url.startswith("wss:"):
        advice += ", and that it is one with TLS"
    return ConnectionFailed(f"cannot connect to {url} ({reason}): {advice}", retry_after=_retry_after(error))


def _body(error: InvalidStatus) -> str | None:
    """Return the one line with which an hftlab server says why it refuses a client; None for other answers."""
    response = error.response
    if response.headers.get("Server") != "hftlab" or not response.body:
        return None
    return response.body.decode(errors="replace").strip() or None


def _retry_after(error: Exception) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110 section 10.2.3); its other form, a date, counts as none."""
    if not isinstance(error, InvalidStatus):
        return None
    said = error.response.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdecimal() else None
