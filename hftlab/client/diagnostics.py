"""Diagnosis of connections that fail, and measurement of latency (the reference document's WebSocketDiagnostics).

print(await diagnostics.check("ws://127.0.0.1:8081"))
await diagnostics.measure_latency("ws://127.0.0.1:8081", count=100)
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Final
from urllib.parse import urlsplit

from hftlab.client.client import Client
from hftlab.client.client_socket import ClientSocket
from hftlab.client.histogram import LatencyHistogram, LatencySummary
from hftlab.client.opening import open_socket
from hftlab.clock import NANOSECONDS, to_milliseconds, wall_time
from hftlab.errors import CertificateFailed, ConnectionFailed, MessageParseError, NetworkError, WireError
from hftlab.html_table import facts_table
from hftlab.protocol import JSON, Ack, Message, Ping, Pong
from hftlab.transport.address import redacted

__all__ = ["Diagnosis", "Step", "check", "measure_latency"]

_STEP_TIMEOUT: Final = 5.0
_PORTS: Final = {"ws": 80, "wss": 443}


@dataclass(frozen=True)
class Step:
    """One step of making a connection; `advice` says what to do if it is not `ok`."""

    name: str
    ok: bool
    found: str
    advice: str = ""

    def __str__(self) -> str:
        text = f"{'ok' if self.ok else 'FAILED':<7}{self.name}: {self.found}"
        return text if self.ok else f"{text}\n       -> {self.advice}"


@dataclass(frozen=True)
class Diagnosis:
    """Result of check(): the document's DiagnosticResult (`success`, `error`, `latency` in seconds) and its steps."""

    url: str
    steps: Sequence[Step]
    latency: float

    @property
    def success(self) -> bool:
        """True if every step has worked."""
        return all(step.ok for step in self.steps)

    @property
    def error(self) -> str | None:
        """Finding of the first step that failed; None if none has."""
        return next((step.found for step in self.steps if not step.ok), None)

    def __str__(self) -> str:
        return "\n".join([f"{self.url}: {self._verdict()}", *map(str, self.steps)])

    def _repr_html_(self) -> str:
        marks = {step.name: str(step).partition(f"{step.name}: ")[2] for step in self.steps}
        facts = {f"{'✓' if step.ok else '✗'} {step.name}": marks[step.name] for step in self.steps}
        return facts_table(f"{self.url}: {self._verdict()}", facts)

    def _verdict(self) -> str:
        return f"works ({self.latency * 1000:.1f} ms)" if self.success else "does not work"


async def check(url: str, *, ssl: SSLContext | None = None) -> Diagnosis:
    """Try each step of a connection: address, name, TCP, handshake, welcome, PING. Ends with the first that fails.

    `ssl` is that of a Client.
    """
    start = time.perf_counter()
    steps = [step async for step in _steps(url, ssl)]
    return Diagnosis(redacted(url), tuple(steps), time.perf_counter() - start)


async def measure_latency(url: str, count: int = 100, *, ssl: SSLContext | None = None) -> LatencySummary:
    """Measure `count` round trips of PING: min, mean, p50, p95, p99, p99.9 and max in ns. Raises ConnectionFailed.

    The summary is shown in microseconds.
    """
    histogram = LatencyHistogram()
    async with Client(url, auto_reconnect=False, ssl=ssl) as client:
        for _ in range(count):
            histogram.record(round(await client.ping() * NANOSECONDS))
    return histogram.summary()


async def _steps(url: str, ssl: SSLContext | None) -> AsyncIterator[Step]:
    host, port = _address(url)
    if not host:
        advice = "write it as ws://HOST:PORT, such as ws://127.0.0.1:8081"
        yield Step("address", False, f"{redacted(url)!r} is not a WebSocket address", advice)
        return
    for step in (_resolve, _tcp):
        done = await step(host, port)
        yield done
        if not done.ok:
            return
    try:
        opened = await open_socket(url, JSON, ssl)
    except CertificateFailed as exc:
        yield Step("handshake", False, str(exc), "trust its authority with `ssl`, or correct the name in the address")
        return
    except ConnectionFailed as exc:
        advice = (
            "another program than hftlab listens there, or it refuses this client: check the port, the path, and "
            "whether it is ws:// or wss://"
        )
        yield Step("handshake", False, str(exc), advice)
        return
    yield Step("handshake", True, "HTTP upgraded to WebSocket")
    try:
        welcome = await _welcome(opened)
        yield welcome
        if welcome.ok:
            yield await _ping(opened)
    finally:
        await opened.end()


def _address(url: str) -> tuple[str, int]:
    """Return the host and port; an empty host if it is not a WebSocket address."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "" if parts.scheme in _PORTS else "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", 0


async def _resolve(host: str, port: int) -> Step:
    try:
        async with asyncio.timeout(_STEP_TIMEOUT):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as exc:
        return Step("resolve", False, f"{host} has no address ({exc})", "check the spelling and this machine's DNS")
    return Step("resolve", True, ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found)))


async def _tcp(host: str, port: int) -> Step:
    start = time.perf_counter()
    try:
        async with asyncio.timeout(_STEP_TIMEOUT):
            _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        advice = f"start the server (hftlab serve --port {port}), or correct the port"
        return Step("TCP connect", False, f"nothing listens on port {port} of {host}", advice)
    except (OSError, TimeoutError) as exc:
        reason = str(exc) or f"no answer in {_STEP_TIMEOUT:g} s"
        return Step("TCP connect", False, reason, "check that the host is up and no firewall is in between")
    writer.close()
    return Step("TCP connect", True, f"{(time.perf_counter() - start) * 1000:.1f} ms")


async def _welcome(opened: ClientSocket) -> Step:
    advice = "it is another kind of server: connect to one that hftlab serves"
    try:
        async with asyncio.timeout(_STEP_TIMEOUT):
            message = await _message(opened, lambda _: True)
    except TimeoutError:
        return Step("welcome", False, f"none in {_STEP_TIMEOUT:g} s", advice)
    except NetworkError as exc:
        return Step("welcome", False, str(exc), "the server refuses this client: read its log for the reason")
    except MessageParseError as exc:
        return Step("welcome", False, f"the first message is not one of the protocol: {exc}", advice)
    if not isinstance(message, Ack) or message.version is None:
        return Step("welcome", False, f"the first message is {message.type} without a version", advice)
    symbols = "" if message.symbols is None else f", {len(message.symbols)} symbols"
    return Step("welcome", True, f"protocol {message.version}{symbols}")


async def _ping(opened: ClientSocket) -> Step:
    start = time.perf_counter()
    try:
        async with asyncio.timeout(_STEP_TIMEOUT):
            ping = Ping(timestamp=to_milliseconds(wall_time()), id="ping")
            opened.write(JSON.encode(ping), is_binary=False)
            await _message(opened, lambda message: isinstance(message, Pong))
    except (WireError, ConnectionError, TimeoutError) as exc:
        reason = str(exc) or f"no answer in {_STEP_TIMEOUT:g} s"
        return Step("ping", False, reason, "the server is overloaded or not an hftlab server: read its log")
    return Step("ping", True, f"{(time.perf_counter() - start) * 1000:.1f} ms")


async def _message(opened: ClientSocket, is_wanted: Callable[[Message], bool]) -> Message:
    """Return the first message that is wanted. Raises NetworkError, MessageParseError."""
    wanted: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    def take(data: bytes, *_: object) -> None:
        try:
            message = JSON.decode(data)
            if is_wanted(message):
                wanted.set_result(message)
        except MessageParseError as exc:
            wanted.set_exception(exc)
        if wanted.done():
            opened.keep()

    opened.pass_on(take)
    ends: list[asyncio.Future[Any]] = [wanted, opened.connection_lost_waiter]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        opened.keep()
    if not wanted.done():
        raise NetworkError(opened.end_reason)
    return wanted.result()
