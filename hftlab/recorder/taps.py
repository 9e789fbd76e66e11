"""Connects a recording to a live client or server."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from hftlab.client import Client
from hftlab.clock import Clock, wall_time
from hftlab.errors import MessageParseError, SessionError
from hftlab.protocol import Gap, Message
from hftlab.protocol.subscribing.client_events import Undecoded
from hftlab.recorder.coverage_rows import ClientCoverage, ServerCoverage
from hftlab.recorder.recording import Recording
from hftlab.server import Server
from hftlab.source import Live, Source, Status, Tap, Timed, undecorated

__all__ = ["describe", "tap", "tap_live"]


def tap(target: Client | Server, recording: Recording) -> Callable[[], None]:
    """Record everything that `target` receives or publishes from now on. Returns a function that stops it.

    Call both on the target's event loop. A client's recording holds every message that it receives, at the time of its
    reception, also those that do not decode, and the events of its connection. A server's holds the messages that it
    publishes, at source time. If the recording fails it is detached, and the target reports it: a client by an "error"
    event, a server in its log and by `failed_taps` in its stats(). While its disk fails it stays: a client reports one
    "error", and a server lists the sentence under `problems` in its stats(). A message that could not be replayed, such
    as one with a price of NaN, is reported as well and leaves a "drop" row, and the recording goes on. Further control
    rows say which symbols are covered, and from when to when: see hftlab.session.coverage.
    """
    endings = ExitStack()
    coverage: ClientCoverage | ServerCoverage
    if isinstance(target, Client):
        coverage, take = _watch(target, recording, endings)
    else:
        coverage, take = _record(target.source, target.clock, recording, endings)

    def attempt(item: Timed[Message]) -> None:
        try:
            take(item)
            if isinstance(target, Client) and (problem := recording.new_problem()) is not None:
                target.report(problem)
        except MessageParseError as exc:
            coverage.dropped(item, str(exc))
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


def tap_live(source: Source[Message], recording: Recording) -> tuple[Tap, Callable[[], None]]:
    """Return a function that records each message that a live source yields, and one that ends that.

    Both are called by whoever reads the source. The rows of the control table are those of a server's recording. The
    first raises SessionError once the recording has failed.
    """
    endings = ExitStack()
    coverage, take = _record(source, source.clock, recording, endings)

    def attempt(item: Timed[Message]) -> None:
        try:
            take(item)
        except MessageParseError as exc:
            coverage.dropped(item, str(exc))

    return attempt, endings.close


def _record(
    source: Source[Message] | None, clock: Clock, recording: Recording, endings: ExitStack
) -> tuple[ServerCoverage, Tap]:
    """Record what a server publishes from now on. Returns the writer of the coverage's rows, and the tap.

    A source that dates its messages by another clock may see that stepped. The server's own clock is the steady one: it
    goes as fast as the source's time does, and is sought and paused with it. A server that is behind publishes late, at
    times before its clock's. A live source goes by the wall clock, which may be set: there the machine's own clock is
    the steady one. What becomes of its connections are rows as well.
    """
    live = undecorated(source)
    is_live = isinstance(live, Live)
    coverage = ServerCoverage(
        None if source is None else source.symbols,
        recording.control,
        (lambda: live.unreliable) if isinstance(live, Live) else None,
    )

    def message(item: Timed[Message]) -> None:
        coverage.message(item)
        if not isinstance(item.message, Gap):  # its control row says all of it
            # What a live source has received a while ago is late here, and its clock has not stepped.
            steady = item.at - (wall_time() - time.monotonic_ns()) if is_live else min(item.at, clock.now())
            recording.message(item.message, item.at, account=item.account, payload=item.payload, steady=steady)

    def status(row: Status) -> None:
        since = {} if row.since is None else {"ts_from": row.since}
        with suppress(SessionError):  # the next message tells of it
            recording.control(row.event, row.at, symbols=list(row.symbols), detail=row.detail, **since)

    if isinstance(live, Live):
        live.status_taps.append(status)
        endings.callback(live.status_taps.remove, status)
    endings.callback(_end, coverage.end)
    return coverage, message


def _end(write: Callable[[], None]) -> None:
    """Write the last row; a recording that has failed tells of that by itself."""
    with suppress(SessionError):
        write()


def _watch(client: Client, recording: Recording, endings: ExitStack) -> tuple[ClientCoverage, Tap]:
    """Record the connection's events from now on.

    Returns the writer of the coverage's rows, and a tap that records the messages among them.
    """
    is_noted = False
    """True once the present connection is in the recording."""

    def note(now: int) -> None:
        nonlocal is_noted
        if not is_noted:
            is_noted = True
            recording.control("connect", now, detail=client.url)

    def message(item: Timed[Message]) -> None:
        note(item.at)  # the first message comes long before the client is signed in and reports "connected"
        coverage.message(item)
        recording.message(item.message, item.at, account=item.account, payload=item.payload, steady=time.monotonic_ns())

    def connecting(*_: object) -> None:
        nonlocal is_noted
        is_noted = False

    def connected() -> None:
        note(wall_time())

    def disconnected(reason: object) -> None:
        coverage.disconnected(str(reason), wall_time())

    def undecoded(event: Undecoded) -> None:
        note(event.received_at)
        recording.undecoded(event.payload, event.received_at, str(event.error), steady=time.monotonic_ns())

    def failed(error: Exception) -> None:
        recording.control("error", wall_time(), detail=str(error))

    connected()
    coverage = ClientCoverage(client, recording.control, wall_time())
    endings.callback(_end, lambda: coverage.end(wall_time()))
    events: dict[str, Callable[..., None]] = {
        "connecting": connecting,
        "reconnecting": connecting,
        "connected": connected,
        "disconnected": disconnected,
        "loss": coverage.lost,
        "undecoded": undecoded,
        "error": failed,
    }
    for event, callback in events.items():
        endings.callback(client.on(event, callback))
    return coverage, message


def describe(target: Client | Server | Live) -> dict[str, str]:
    """Return the `source` that the manifest of a recording of `target` states."""
    if isinstance(target, Live):
        return {"name": target.name, "kind": "feed"}
    if isinstance(target, Client):
        return {"name": target.url, "kind": "client"}
    return {"name": "by hand" if target.source is None else target.source.name, "kind": "server"}
