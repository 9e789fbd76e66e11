"""Reports of what happens to a client: callbacks, counts, the debug log."""

from __future__ import annotations

import asyncio
import functools
import time
import traceback
from collections import Counter
from collections.abc import Callable
from inspect import iscoroutine, iscoroutinefunction
from typing import Any, Final

from hftlab.calling import iterated
from hftlab.client.debug_log import WebSocketDebugLogger
from hftlab.client.metrics import Metrics
from hftlab.errors import ArgumentError, ArgumentTypeError, CallbackFailed, HftlabError, NetworkError, WireError
from hftlab.log import get_logger
from hftlab.nearest import meant
from hftlab.protocol import ConnectionState, Message
from hftlab.protocol.subscribing.client_events import Undecoded
from hftlab.protocol.subscribing.loss import Loss
from hftlab.transport.recovery import Action, ErrorRecovery, Recovery

__all__ = ["EVENTS", "Reporter"]

EVENTS: Final = (
    *("connecting", "connected", "disconnected", "reconnecting", "error", "message"),
    *("loss", "undecoded"),
)
"""Events of Client.on(): the reference document's six, and two with what "message" does not show.

These are "loss", with a Loss, when messages did not arrive, and "undecoded", with an Undecoded, when one that did is
not a message of the wire; an "error" says so as well.
"""

_SILENT: Final = (ConnectionState.DISCONNECTING, ConnectionState.ERROR)

_log = get_logger("hftlab.client")


class Reporter:
    """State of a client, and the reports to its callbacks, counts and debug log.

    A callback that raises stops neither other callbacks nor the connection. Each exception is counted as an error; the
    first, second, fourth, eighth ... of a callback are reported as a CallbackFailed, with the stack in the log: all of
    them would drown everything else if it failed with every message.
    """

    def __init__(self, url: str, metrics: Metrics, recovery: ErrorRecovery, *, measures: bool) -> None:
        self.status = ConnectionState.DISCONNECTED
        self.recovery = recovery
        self.log = WebSocketDebugLogger("DEBUG")
        self._url, self._metrics, self._measures = url, metrics, measures
        self._callbacks: dict[str, list[Callable[..., None]]] = {event: [] for event in EVENTS}
        self._on_message = self._callbacks["message"]
        self._failures: Counter[str] = Counter()

    def on(self, event: str, callback: Callable[..., object]) -> Callable[[], None]:
        """Add a callback for `event`; returns a function that removes it, and may be called again. Raises TypeError."""
        if event not in EVENTS:
            near = meant([event], EVENTS) if isinstance(event, str) else {}
            raise ArgumentError(f"unknown event {event!r}: choose among {', '.join(EVENTS)}").advise(instead=near)
        call = self.guarded(event, callback)  # a function of its own, so that the same callback may be added twice
        callbacks = self._callbacks[event]
        callbacks.append(call)

        def end() -> None:
            if call in callbacks:
                callbacks.remove(call)

        return end

    def guarded(self, event: str, callback: Callable[..., object]) -> Callable[..., None]:
        """Wrap `callback` so that it does not raise. Raises ArgumentTypeError for what cannot be called, and
        for a coroutine function.
        """
        if not callable(callback):
            raise ArgumentTypeError(f"the callback for {event!r} is a function, got {callback!r}")
        if iscoroutinefunction(callback) or iscoroutinefunction(type(callback).__call__):
            raise ArgumentTypeError(
                f"the callback {_name(callback)} for {event!r} is a coroutine function, and nothing awaits it: give "
                f"a plain function, or loop with `{iterated('for message in client')}`"
            )
        return functools.partial(self._call, event, callback)

    def become(self, state: ConnectionState, *what: Any) -> None:
        """Change the state and report the event of its name; DISCONNECTING and ERROR have none (see end())."""
        self.status = state
        _log.debug("state", url=self._url, state=state.value)
        self.log.log("INFO", state.value, {"detail": str(what[0])} if what else None)
        if state not in _SILENT:
            self._emit(state.value.lower(), *what)

    def lost(self, reason: str) -> None:
        """Report that the connection was lost: an error that is counted, and the event "disconnected"."""
        self._metrics.error_count += 1
        error = NetworkError(f"the connection to {self._url} is lost: {reason}")
        self.note(error, self.recovery.handle(error, asyncio.get_running_loop().time()))
        self.become(ConnectionState.DISCONNECTED, reason)

    def end(self, error: WireError) -> None:
        """Report the error that has ended the client; callbacks find it in the state ERROR."""
        self.become(ConnectionState.ERROR, error)
        self.fail(error)

    def message(self, message: Message) -> None:
        """Call the callbacks for "message", and measure how long they take."""
        if not self._on_message:
            return
        start = time.perf_counter_ns()
        self._emit("message", message)
        if self._measures:
            self._metrics.latency["handler"].record(time.perf_counter_ns() - start)

    def lose(self, loss: Loss) -> None:
        """Count and report messages that did not arrive."""
        if loss.reason == "conflated":
            self._metrics.conflated += loss.messages
        else:
            self._metrics.gaps += 1
            self._metrics.messages_lost += loss.messages
            self.log.log("WARN", "messages lost", loss._asdict())
        self._emit("loss", loss)

    def undecoded(self, event: Undecoded) -> None:
        """Report a payload that does not decode, as it came."""
        self._emit("undecoded", event)

    def fail(self, error: WireError) -> Recovery:
        """Decide what to do about an error, count it and report it; returns the decision."""
        recovery = self.recovery.handle(error, asyncio.get_running_loop().time())
        self.tell(error, recovery)
        return recovery

    def tell(self, error: WireError, recovery: Recovery) -> None:
        """Count an error, log it with what is done about it, and report it as an "error"."""
        self._metrics.error_count += 1
        self.note(error, recovery)
        self._emit("error", error)

    def report(self, error: HftlabError) -> None:
        """Count an error that is not the connection's, log it, and report it as an "error"."""
        self._metrics.error_count += 1
        self.log.log("ERROR", str(error), None)
        self._emit("error", error)

    def note(self, error: WireError, recovery: Recovery) -> None:
        """Log an error that is raised to a caller, and so neither counted nor reported."""
        data = {"type": error.wire_type, "action": recovery.action, "delay": recovery.delay}
        self.log.log("WARN" if recovery.action is Action.LOG else "ERROR", str(error), data)

    def held_for(self) -> float:
        """Return the seconds until requests may be sent again; 0 if they may now."""
        return self.recovery.held_for(asyncio.get_running_loop().time())

    def blame(self, event: str, callback: Callable[..., object], error: BaseException) -> None:
        """Count an exception of a callback, and report it unless it fails again and again."""
        self._metrics.error_count += 1
        name = _name(callback)
        self._failures[f"{event} {name}"] += 1
        failures = self._failures[f"{event} {name}"]
        if failures & (failures - 1):  # not a power of two
            return
        failure = CallbackFailed(event, name, error, failures)
        self.log.log("ERROR", str(failure), {"event": event, "failures": failures}, stack=_stack(error))
        _log.error("callback failed", event_name=event, url=self._url, exc_info=error)
        if event != "error":  # a callback that fails at errors gets no more of them for it
            self._emit("error", failure)

    def _call(self, event: str, callback: Callable[..., object], *what: Any) -> None:
        try:
            result = callback(*what)
            if result is not None and iscoroutine(result):
                result.close()
                raise TypeError("it returned a coroutine, and nothing awaits it")
        except (Exception, asyncio.CancelledError) as exc:
            # No task can be cancelled in a plain function: a CancelledError is the callback's own.
            self.blame(event, callback, exc)

    def _emit(self, event: str, *what: Any) -> None:
        for call in tuple(self._callbacks[event]):
            call(*what)


def _name(callback: Callable[..., object]) -> str:
    return getattr(callback, "__qualname__", type(callback).__qualname__)


def _stack(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
