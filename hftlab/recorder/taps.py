"""Connects a recording to a live client or server."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from hftlab.client import Client
from hftlab.clock import wall_time
from hftlab.errors import MessageParseError
from hftlab.protocol import Message
from hftlab.protocol.subscribing.loss import Loss
from hftlab.recorder.recording import Recording
from hftlab.server import Server
from hftlab.source import Tap, Timed

__all__ = ["describe", "tap"]


def tap(target: Client | Server, recording: Recording) -> Callable[[], None]:
    """Record everything that `target` receives or publishes from now on. Returns a function that stops it.

    Call both on the target's event loop. A client's recording holds every message that it receives, at the time of its
    reception, and the events of its connection. A server's holds the messages that it publishes, at source time. If
    the recording fails it is detached, and the target reports it: a client by an "error" event, a server in its log and
    by `failed_taps` in its stats(). While its disk fails it stays: a client reports one "error", and a server lists the
    sentence under `problems` in its stats(). A message that could not be replayed, such as one with a price of NaN, is
    reported as well and leaves a "drop" row, and the recording goes on.
    """
    endings = ExitStack()
    take = _watch(target, recording, endings) if isinstance(target, Client) else _record(recording)

    def attempt(item: Timed[Message]) -> None:
        try:
            take(item)
            if isinstance(target, Client) and (problem := recording.new_problem()) is not None:
                target.report(problem)
        except MessageParseError as exc:
            recording.control("drop", item.at, detail=str(exc))
            raise
        except Exception:
            endings.close()
            raise

    target.taps.append(attempt)
    endings.callback(target.taps.remove, attempt)
    if isinstance(target, Server):
        name = str(recording.folder)
        target.problems[name] = lambda: recording.problem
        endings.callback(target.problems.pop, name, None)
    return endings.close


def _record(recording: Recording) -> Tap:
    return lambda item: recording.message(item.message, item.at, account=item.account, payload=item.payload)


def _watch(client: Client, recording: Recording, endings: ExitStack) -> Tap:
    """Record the connection's events from now on. Returns a tap that records the messages among them."""
    is_noted = False
    """Whether the present connection is in the recording."""

    def note(now: int) -> None:
        nonlocal is_noted
        if not is_noted:
            is_noted = True
            recording.control("connect", now, detail=client.url)

    def message(item: Timed[Message]) -> None:
        note(item.at)  # the first message comes long before the client is signed in and reports "connected"
        recording.message(item.message, item.at, account=item.account, payload=item.payload, steady=time.monotonic_ns())

    def connecting(*_: object) -> None:
        nonlocal is_noted
        is_noted = False

    def connected() -> None:
        note(wall_time())

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
    """Return the `source` that the manifest of a recording of `target` states."""
    if isinstance(target, Client):
        return {"name": target.url, "kind": "client"}
    return {"name": "by hand" if target.source is None else target.source.name, "kind": "server"}
