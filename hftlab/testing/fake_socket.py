"""A client's connection to a script, in memory."""

from __future__ import annotations

import asyncio
from collections import deque

from websockets.frames import Opcode

from hftlab.client.client_socket import OnMessage
from hftlab.clock import to_milliseconds, wall_time
from hftlab.protocol import Codec
from hftlab.testing.script import Script
from hftlab.testing.steps import Close, Drop, Said, Silence, Step, Wait, payload
from hftlab.testing.virtual_loop import VirtualLoop

__all__ = ["FakeSocket"]


class FakeSocket:
    """Connection whose other end does what a script says, in order, each step a turn of the loop after what it answers.

    Its times are those of a virtual loop where it runs on one. It is what a Link uses of a ClientSocket.
    """

    def __init__(self, script: Script, codec: Codec) -> None:
        self._loop = asyncio.get_running_loop()
        self.connection_lost_waiter: asyncio.Future[None] = self._loop.create_future()
        self.end_reason = "the connection broke"
        self._script, self._codec = script, codec
        self._kept: list[bytes] | None = []
        """Payloads that have come and are not wanted yet; None while they are handed on at once."""
        self._on_message: OnMessage | None = None
        self._steps: deque[tuple[Step, str | None]] = deque()
        """Steps that the server is about to do, with the id of the request that each answers."""
        self._free_at = 0.0
        """When the server has done what was to be done so far."""
        self._plan(script.greet(), None)

    # --- what a Link does ---

    def pass_on(self, on_message: OnMessage) -> None:
        """Give the payloads that have been kept, and then each as it comes, to `on_message`."""
        kept, self._kept = self._kept or [], None
        self._on_message = on_message
        for data in kept:
            self._take(data)

    def keep(self) -> None:
        """Keep payloads from now on."""
        self._kept = []

    def write(self, data: bytes, *, is_binary: bool) -> None:
        """Send a message to the script. Raises ConnectionError after the end."""
        if not self.is_open:
            raise ConnectionResetError("the connection is closed")
        assert is_binary is self._codec.binary
        request = self._codec.decode(data)
        request.timestamp = to_milliseconds(self._wall_time())
        self._plan(self._script.answer(request), request.id)

    async def drain(self) -> None:
        """Return at once: memory has room."""

    async def end(self) -> None:
        """Close the connection."""
        self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        if self.is_open:
            self.connection_lost_waiter.set_result(None)

    # --- what the other end does ---

    @property
    def is_open(self) -> bool:
        """True until one end closes it."""
        return not self.connection_lost_waiter.done()

    def say(self, said: Said) -> None:
        """Send a message to the client."""
        if self.is_open:
            self._take(payload(said, self._codec, to_milliseconds(self._wall_time()), None))

    def close(self, code: int, reason: str) -> None:
        """Close the connection from the server's end."""
        self.end_reason = f"closed by the server with {code} {reason}".rstrip()
        self.abort()

    # --- steps ---

    def _plan(self, steps: list[Step], request_id: str | None) -> None:
        """Do the steps after those that are planned already; what comes at one time comes in order."""
        self._free_at = max(self._free_at, self._loop.time())
        for step in steps:
            self._free_at += step.seconds if isinstance(step, Wait) else 0.0
            self._steps.append((step, request_id))
            self._loop.call_at(self._free_at, self._step)

    def _step(self) -> None:
        step, request_id = self._steps.popleft()
        if not self.is_open:
            return
        match step:
            case Wait() | Silence():
                pass
            case Close(code, reason):
                self.close(code, reason)
            case Drop():
                self.abort()
            case _:
                self._take(payload(step, self._codec, to_milliseconds(self._wall_time()), request_id))

    def _take(self, data: bytes) -> None:
        if self._kept is not None:
            self._kept.append(data)
        elif self._on_message is not None:
            self._on_message(data, Opcode.BINARY if self._codec.binary else Opcode.TEXT, self._wall_time())

    def _wall_time(self) -> int:
        return self._loop.wall_time() if isinstance(self._loop, VirtualLoop) else wall_time()
