"""What a recording takes from a live client or server."""

from __future__ import annotations

from collections.abc import Callable

from hftlab.client import Client
from hftlab.clock import wall_time
from hftlab.protocol.subscriber import Loss
from hftlab.recorder.recording import Recording
from hftlab.server import Server

__all__ = ["describe", "tap"]


def tap(target: Client | Server, recording: Recording) -> Callable[[], None]:
    """Record from now on; call it on the target's loop. Returns a function that ends it, for the same loop.

    Of a client everything it receives is recorded, and what happens to its connection. Of a server what it publishes,
    at source time.
    """
    target.taps.append(recording.message)
    endings = _watch(target, recording) if isinstance(target, Client) else []

    def end() -> None:
        target.taps.remove(recording.message)
        for ending in endings:
            ending()

    return end


def _watch(client: Client, recording: Recording) -> list[Callable[[], None]]:
    def connected() -> None:
        recording.control("connect", wall_time(), detail=client.url)

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
    return [
        client.on("connected", connected),
        client.on("disconnected", disconnected),
        client.on("loss", lost),
        client.on("error", failed),
    ]


def describe(target: Client | Server) -> dict[str, str]:
    """The manifest's `source` of a recording of `target`."""
    if isinstance(target, Client):
        return {"name": target.url, "kind": "client"}
    return {"name": "by hand" if target.source is None else target.source.name, "kind": "server"}
