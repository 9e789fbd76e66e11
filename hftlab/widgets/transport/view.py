"""The view that controls a replay: play, pause, step, speed, and a scrubber over the price."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Any, ClassVar, Final

from hftlab.clock import from_milliseconds
from hftlab.protocol.market_data import MarketData
from hftlab.protocol.messages import ReplayStatus
from hftlab.session import Session
from hftlab.widgets.core.commands import Commands
from hftlab.widgets.core.follow import follow
from hftlab.widgets.core.interfaces import StreamingClient
from hftlab.widgets.core.picture import Picture
from hftlab.widgets.core.view import Reply, View
from hftlab.widgets.transport.frame import TransportState, pack_transport
from hftlab.widgets.transport.picture import transport_svg
from hftlab.widgets.transport.playhead import Playhead
from hftlab.widgets.transport.price_line import LearntLines, PriceLine, session_line

__all__ = ["TransportView"]

LEARN: Final = 1.0
"""Seconds between two looks at what has been learnt of the price."""
OF_THE_KERNEL: Final = ("line", "refused")
"""Settings that the page does not change."""


class TransportView(View):
    """The controls of a replay; the settings are `symbol`, whose price is drawn, and what the page is told.

    `line` is the price line (see PriceLine.to_json), `refused` the newest command that the server did not take.
    Commands of the page are {"do": "play"}, "pause", "home", "step" with `count` or `seconds`, "seek" with `position`
    (ms), "speed" with `value` (null: as fast as possible) and "loop" with `on`; each has a `number`, and is answered by
    {"heard": number} as soon as the kernel has it.
    """

    page: ClassVar[Path] = Path(__file__).with_name("transport.js")

    def __init__(
        self,
        client: StreamingClient,
        symbol: str | None = None,
        session: Session | None = None,
        rate: float = 10,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        chosen = symbol or next(iter([*client.symbols, *client.offered_symbols]), "")
        super().__init__(client, rate, symbol=chosen, line={}, refused={"count": 0, "text": ""})
        self._replay, self._session, self._timer = client.replay, session, timer
        self._playhead = Playhead()
        self._learnt: LearntLines | None = None
        self._looked = -inf
        self._shown = PriceLine(chosen, 0, 0)
        self._wished_loop: bool | None = None
        self._commands = Commands(lambda: self.changed())
        if (status := client.replay.status) is not None:
            self._restart(status)
        if session is not None:
            self._show(session_line(session, chosen))
        self._unfollow = follow(client, "message", self._follow)

    # --- what is shown ---

    def snapshot(self) -> bytes:
        """Pack the current state; see pack_transport."""
        self._learn()
        commands = self._commands
        if commands.refusals != self.settings["refused"]["count"]:
            self.settings = {**self.settings, "refused": {"count": commands.refusals, "text": commands.refused}}
        return pack_transport(self.state())

    def picture(self) -> Picture:
        """Draw the current state as a static picture."""
        return Picture(transport_svg(self.state(), self._shown), "the replay")

    def notice(self) -> str:
        """Return nothing: where there is no replay the view itself says so."""
        return ""

    @property
    def ages(self) -> bool:
        """False: the position goes on without data, over a gap for example."""
        return False

    def state(self) -> TransportState:
        """Read the replay's state."""
        status = self.client.replay.status
        if status is None:
            return TransportState()
        at = self._playhead.at(self._timer())
        return TransportState(
            str(status.state),
            at,
            at if status.start is None else from_milliseconds(status.start),
            at if status.end is None else from_milliseconds(status.end),
            inf if status.speed is None else status.speed,
            status.loop if self._wished_loop is None else self._wished_loop,
            self._commands.busy,
        )

    def set(self, changes: Mapping[str, Any]) -> None:
        """Change settings; another symbol has another line."""
        before = self.settings["symbol"]
        super().set(changes)
        symbol = self.settings["symbol"]
        if symbol == before:
            return
        self._looked = -inf
        if (session := self._session) is not None:
            self._commands.put(lambda: self._show(session_line(session, symbol)), only_newest="line")

    def checked(self, name: str, value: Any) -> Any:
        """Return a new value of a setting. Raises ValueError."""
        if name in OF_THE_KERNEL:
            raise ValueError(f"{name} is not changed by the page")
        return super().checked(name, value)

    # --- what the page asks for ---

    def receive(self, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> Reply | None:  # noqa: ARG002
        """Begin what the page asks for, and tell the page that it was heard. Raises ValueError for anything else."""
        if "do" not in content:
            return None
        name = content["do"]
        call = self._call(name, content)
        self._commands.put(call, only_newest=name if name in ("seek", "speed") else "")
        return {"heard": content.get("number")}, []

    def _call(self, name: Any, content: Mapping[str, Any]) -> Callable[[], Any]:
        replay = self._replay
        match name:
            case "play":
                return self._play
            case "pause":
                return replay.pause
            case "home":
                return lambda: replay.seek(self.state().start)
            case "step" if content.get("count") is not None:
                count = int(_above_0(content["count"], "count"))
                return lambda: replay.step(count)
            case "step":
                seconds = _above_0(content.get("seconds"), "seconds")
                return lambda: replay.step(seconds=seconds)
            case "seek":
                position = from_milliseconds(_above_0(content.get("position"), "position"))
                return lambda: replay.seek(position)
            case "speed":
                value = content.get("value")
                speed = inf if value is None else _above_0(value, "speed")
                return lambda: replay.set_speed(speed)
            case "loop":
                return lambda: self._loop(bool(content.get("on")))
        raise ValueError(f"a replay cannot {name!r}")

    def _play(self) -> None:
        state = self.state()
        if state.state == "ENDED":
            self._replay.seek(state.start)
        self._replay.resume(loop=self._wished_loop)
        self._wished_loop = None

    def _loop(self, on: bool) -> None:
        if self.state().state == "PLAYING":
            self._replay.resume(loop=on)
            self._wished_loop = None
        else:
            self._wished_loop = on  # the wire has it beside RESUME only, which would begin to play

    def close(self) -> None:
        """Stop following the client."""
        self._unfollow()
        self._commands.clear()

    # --- what the client receives, on its own thread ---

    def _follow(self, message: object) -> None:
        now = self._timer()
        if isinstance(message, ReplayStatus):
            self._restart(message)
            self.changed()
        elif isinstance(message, MarketData) and message.symbols:
            newest = max([state.timestamp for state in message.symbols])
            position = self._playhead.see(from_milliseconds(newest), now)
            if self._learnt is not None:
                self._learnt.take(message, position)

    def _restart(self, status: ReplayStatus) -> None:
        self._playhead.take(status, self._timer())
        if self._session is not None or status.start is None or status.end is None:
            return
        span = from_milliseconds(status.start), from_milliseconds(status.end)
        if self._learnt is None or (self._learnt.start, self._learnt.end) != span:
            self._learnt = LearntLines(*span)
        if status.reset:
            self._learnt.jump()

    # --- the line ---

    def _learn(self) -> None:
        now = self._timer()
        if self._learnt is not None and now - self._looked >= LEARN:
            self._looked = now
            self._show(self._learnt.line(self.settings["symbol"]))

    def _show(self, line: PriceLine) -> None:
        if line.symbol == self.settings["symbol"]:
            self._shown = line
            self.settings = {**self.settings, "line": line.to_json()}


def _above_0(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a number above 0, got {value!r}")
    return value
