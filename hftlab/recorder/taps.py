"""What a recording takes from a live client or server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from hftlab.client import Client
from hftlab.clock import wall_time
from hftlab.protocol import Message
from hftlab.protocol.subscribing.loss import Loss
from hftlab.recorder.recording import Recording
from hftlab.server import Server
from hftlab.source import Tap, Timed

__all__ = ["describe", "tap"]


def tap(target: Client | Server, recording: Recording) -> Callable[[], None]:
    """Record from now on; call it on the target's loop. Returns a function that ends it, for the same loop.

    Of a client everything it receives is recorded, and what happens to its connection. Of a server what it publishes,
    at source time. A recording that fails is taken off, and its target tells of it: a client with an "error", a server
    in its log and in the `failed_taps` of its stats().
    """
    endings = ExitStack()
    take = _watch(target, recording, endings) if isinstance(target, Client) else _record(recording)

    def attempt(item: Timed[Message]) -> None:
        try:
            take(item)
        except Exception:
            endings.close()
            raise

    target.taps.append(attempt)
    endings.callback(target.taps.remove, attempt)
    return endings.close


def _record(recording: Recording) -> Tap:
    return lambda item: recording.message(item.message, item.at)


def _watch(client: Client, recording: Recording, endings: ExitStack) -> Tap:
    """Record what happens to the connection, from now on; returns what records messages among that."""
    is_told = False
    """Whether the connection that there is stands in the recording."""

    def told(now: int) -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            recording.control("connect", now, detail=client.url)

    def message(item: Timed[Message]) -> None:
        told(item.at)  # before its first message, which comes long before it is signed in and restored
        recording.message(item.message, item.at)

    def connecting(*_: object) -> None:
        nonlocal is_told
        is_told = False

    def connected() -> None:
        told(wall_time())

    def disconnected(reason: object) -> None:
        recording.control("disconnect", wall_time(), detail=str(reason))

    def lost(loss: Loss) -> None:
        event = "conflate" if loss.reason == "conflated" else "gap"
        recording.control(
            event, wall_time(), channel=loss.channel, first=loss.first, last=loss.last, detail=loss.reason
        )

    def failed(error: Exception) -> None:
        recording.control("error", wall_time(), detail=str(error))

    connected()
    events: dict[str, Callable[..., None]] = {
        "connecting": connecting,
        "reconnecting": connecting,
        "connected": connected,
        "disconnected": disconnected,
        "loss": lost,
        "error": failed,
    }
    for event, callback in events.items():
        endings.callback(client.on(event, callback))
    return message


def describe(target: Client | Server) -> dict[str, str]:
    """The manifest's `source` of a recording of `target`."""
    if isinstance(target, Client):
        return {"name": target.url, "kind": "client"}
    return {"name": "by hand" if target.source is None else target.source.name, "kind": "server"}
