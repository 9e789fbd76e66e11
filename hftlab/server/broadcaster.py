"""Writes payloads to many sockets: framed once for all readers that share a compression window."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import write

from hftlab.protocol.publishing.publisher import Delivery
from hftlab.server.broadcast_time import BroadcastTimes
from hftlab.server.framing import Framer
from hftlab.server.queue_time import QueueTimes
from hftlab.server.server_socket import ServerSocket

__all__ = ["Broadcaster"]


class _Held:
    """Frames that are written together, by socket, and what is measured of them."""

    def __init__(self) -> None:
        self.frames: dict[ServerSocket, list[bytes]] = {}
        self.batches = 0
        self.started = 0.0
        self.sampled: list[ServerSocket] | None = None


class Broadcaster:
    """Writes deliveries, counts them, and measures how long that takes."""

    def __init__(self, framer: Framer) -> None:
        self._framer = framer
        self._held: _Held | None = None
        """Frames to be written at the end of together()."""
        self.messages = self.bytes = 0
        self.broadcast_times, self.queue_times = BroadcastTimes(), QueueTimes()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what send() gets in here at the end, all frames of a socket in one call of the system.

        It is measured once: what one batch of it took in the mean.
        """
        held = self._held = _Held()
        try:
            yield
        finally:
            self._held = None
            for socket, frames in held.frames.items():
                socket.write(b"".join(frames))
            if held.batches:
                ended = time.perf_counter()
                self.broadcast_times.add((ended - held.started) / held.batches)
                if held.sampled is not None:
                    self.queue_times.written(held.sampled, ended)

    def send(self, deliveries: Iterable[Delivery[ServerSocket]], started: float) -> None:
        """Take and write one delivery after the other, so that a reader which falls behind is not sent the next.

        `started` is when the work for them began, projection and encoding included (perf_counter).
        """
        is_empty, held = True, self._held
        # Collected on the way: a reader that falls behind by this very message is not in its channel afterwards.
        sampled: list[ServerSocket] | None = [] if self.queue_times.is_due(started) else None
        for payload, codec, readers, private in deliveries:
            is_empty = False
            frames: dict[int | None, bytes] = {}
            messages = size = 0
            for socket in readers:
                bits = socket.window_bits
                frame = frames.get(bits)
                if frame is None:
                    frame = frames[bits] = self._framer.frame(payload, bits, binary=codec.binary)
                if held is not None and (socket.direct is not None or socket in held.frames):
                    held.frames.setdefault(socket, []).append(frame)
                    is_written = True
                # As socket.write() does, without the call: it is a good part of what a frame costs beside the system.
                elif (direct := socket.direct) is None:
                    is_written = socket.write(frame, private, private)
                else:
                    try:
                        taken = write(direct, frame)
                    except OSError:
                        taken = 0
                    is_written = taken == len(frame) or socket.hand_over(frame[taken:])
                if is_written:
                    messages += 1
                    size += len(frame)
                    if sampled is not None:
                        sampled.append(socket)
            self.messages += messages
            self.bytes += size
        if is_empty:
            return
        if held is not None:
            held.started = held.started if held.batches else started
            held.batches += 1
            held.sampled = sampled if held.sampled is None else held.sampled
            return
        ended = time.perf_counter()
        self.broadcast_times.add(ended - started)
        if sampled is not None:
            self.queue_times.written(sampled, ended)
