"""Everybody who wants to know what happens to a client: callbacks, the counts, the debug log, the recovery table."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from typing import Any, Final

from hftlab.client.debug_log import WebSocketDebugLogger
from hftlab.client.metrics import Metrics
from hftlab.client.recovery import Action, ErrorRecovery, Recovery
from hftlab.errors import WireError
from hftlab.log import get_logger
from hftlab.protocol import ConnectionState, Message
from hftlab.protocol.subscriber import Loss

__all__ = ["EVENTS", "Reporter"]

EVENTS: Final = ("connecting", "connected", "disconnected", "reconnecting", "error", "message", "loss")
"""The reference document's six lifecycle events, and "loss" with a Loss when messages did not arrive."""

_log = get_logger("hftlab.client")


class Reporter:
    """A callback that fails is logged and does not keep the others from being called."""

    def __init__(self, url: str, metrics: Metrics, *, measures: bool) -> None:
        self.status = ConnectionState.DISCONNECTED
        self.recovery = ErrorRecovery()
        self.log = WebSocketDebugLogger("DEBUG")
        self._url, self._metrics, self._measures = url, metrics, measures
        self._callbacks: dict[str, list[Callable[..., None]]] = {event: [] for event in EVENTS}
        self._on_message = self._callbacks["message"]

    def on(self, event: str, callback: Callable[..., None]) -> Callable[[], None]:
        if event not in EVENTS:
            raise ValueError(f"no event is called {event!r}; there are {', '.join(EVENTS)}")
        self._callbacks[event].append(callback)
        return functools.partial(self._callbacks[event].remove, callback)

    def become(self, state: ConnectionState, *what: Any) -> None:
        """Change the state and tell: each state but DISCONNECTING is an event of the same name."""
        self.status = state
        _log.debug("state", url=self._url, state=state.value)
        self.log.log("INFO", state.value, {"detail": str(what[0])} if what else None)
        if state is not ConnectionState.DISCONNECTING:
            self._emit(state.value.lower(), *what)

    def message(self, message: Message) -> None:
        if not self._on_message:
            return
        start = time.perf_counter_ns()
        self._emit("message", message)
        if self._measures:
            self._metrics.latency["handler"].record(time.perf_counter_ns() - start)

    def lose(self, loss: Loss) -> None:
        if loss.reason == "conflated":
            self._metrics.conflated += loss.messages
        else:
            self._metrics.gaps += 1
            self._metrics.messages_lost += loss.messages
            self.log.log("WARN", "messages lost", loss._asdict())
        self._emit("loss", loss)

    def fail(self, error: WireError) -> Recovery:
        """Tell of an error that no caller waits for; returns what to do about it."""
        self._metrics.error_count += 1
        recovery = self.decide(error)
        self._emit("error", error)
        return recovery

    def decide(self, error: WireError) -> Recovery:
        """What to do about an error that a caller is told by an exception."""
        recovery = self.recovery.handle(error, asyncio.get_running_loop().time())
        data = {"type": error.wire_type, "action": recovery.action, "delay": recovery.delay}
        self.log.log("WARN" if recovery.action is Action.LOG else "ERROR", str(error), data)
        return recovery

    def held_for(self) -> float:
        """Seconds until requests may be sent again."""
        return self.recovery.held_for(asyncio.get_running_loop().time())

    def _emit(self, event: str, *what: Any) -> None:
        for callback in tuple(self._callbacks[event]):
            try:
                callback(*what)
            except Exception:
                _log.exception("callback failed", event_name=event, url=self._url)
