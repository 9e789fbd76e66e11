"""Signs of life: heartbeats, checks for silence, and comparisons of the clocks."""

from __future__ import annotations

from hftlab.clock import from_milliseconds
from hftlab.protocol.messages import Heartbeat, Ping, Pong
from hftlab.protocol.subscribing.deadlines import Deadlines
from hftlab.protocol.subscribing.request_queue import Duty, Purpose, RequestQueue
from hftlab.transport.clock_offset import ClockOffset, Sample
from hftlab.transport.health import Health

__all__ = ["KeepAlive"]


class KeepAlive:
    """Sends a heartbeat every `interval` seconds, checks twice as often that the server is heard, and compares clocks.

    `outage` is the reason for which the connection has to end: the server has been silent for too long.
    """

    def __init__(
        self,
        queue: RequestQueue,
        deadlines: Deadlines[Duty | str],
        clock_offset: ClockOffset,
        *,
        interval: float,
        now: float,
    ) -> None:
        self.outage: str | None = None
        self._queue, self._deadlines, self._clock_offset = queue, deadlines, clock_offset
        self._interval = interval
        self._health = Health(interval)
        self._health.hear(now)
        self.hear = self._health.hear
        """hear(now): take note of a sign of life. The health's own method, as each message received goes through it."""
        deadlines.set(Duty.HEARTBEAT, now + interval)
        deadlines.set(Duty.HEALTH, now + interval / 2)

    @property
    def is_healthy(self) -> bool:
        """True if the server has been heard lately."""
        return self._health.is_healthy

    def beat(self, now: float) -> None:
        """Send a heartbeat; the answer has the last sequence of each channel, so that a lost tail shows."""
        self._deadlines.set(Duty.HEARTBEAT, now + self._interval)
        self._queue.outgoing.append(Heartbeat(timestamp=1.0))

    def check(self, now: float) -> None:
        """Check that the server has been heard."""
        self._deadlines.set(Duty.HEALTH, now + self._interval / 2)
        self._health.check(now)
        if not self._health.is_healthy:
            self.outage = f"no sign of life: {self._health.missed} heartbeats missed"

    def compare_clocks(self, now: float) -> None:
        """Send a PING, whose PONG has the times to compare; clock_answered() goes on with the next."""
        self._queue.ask(Ping(timestamp=1.0), Purpose.CLOCK, now)

    def clock_answered(self, now: float) -> None:
        """Compare the clocks again in an interval's time, whatever has become of this PING."""
        self._deadlines.set(Duty.CLOCK, now + self._interval)

    def add_sample(self, pong: Pong, received_at: int) -> None:
        """Take in the times of a PONG, the answer to anybody's PING, that came at `received_at` (wall time in ns)."""
        if pong.ping_timestamp is not None and pong.received_at is not None:
            sent, there, back = map(from_milliseconds, (pong.ping_timestamp, pong.received_at, pong.timestamp))
            self._clock_offset.add(Sample.of(sent, there, back, received_at))
