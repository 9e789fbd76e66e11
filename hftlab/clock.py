"""Time: int64 nanoseconds UTC, and clocks that can be paused, scaled, stepped or set."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from numbers import Integral, Real
from typing import Any, Final

from hftlab.errors import ArgumentError

__all__ = [
    "NANOSECONDS",
    "Clock",
    "check_speed",
    "check_time",
    "duration",
    "from_milliseconds",
    "in_words",
    "nanoseconds",
    "to_milliseconds",
    "wall_time",
]

NANOSECONDS: Final = 1_000_000_000
_PER_MILLISECOND: Final = 1_000_000
_PER_MICROSECOND: Final = 1_000

_DECIMALS: Final = 9
_FASTEST: Final = ("fast", "fastest", "inf", "infinity", "max", "full")
_UNITS: Final = {
    "ns": 1, "us": 1000, "ms": 10**6, "s": NANOSECONDS, "m": 60 * NANOSECONDS, "h": 3600 * NANOSECONDS,
}  # fmt: skip

wall_time = time.time_ns


def check_time(ns: Any, name: str) -> int:
    """Return a time in nanoseconds as an int. Raises ValueError for anything that int64 does not hold exactly."""
    if type(ns) is int and -(2**63) <= ns < 2**63:  # before the abstract class, which takes ten times as long
        return ns
    if not isinstance(ns, Integral) or not -(2**63) <= int(ns) < 2**63:
        raise ArgumentError(
            f"{name} is {ns!r}: a time is a whole number of nanoseconds since 1970, such as time.time_ns()"
        )
    return int(ns)


def to_milliseconds(ns: int) -> float:
    """Convert nanoseconds to the wire's milliseconds, with three decimals at most: a double holds microseconds."""
    return ns // _PER_MICROSECOND / 1000


def from_milliseconds(ms: float) -> int:
    """Convert the wire's milliseconds to nanoseconds: the inverse of to_milliseconds.

    A double with more than three decimals, which a foreign server may send, becomes the nearest nanosecond.
    """
    microseconds = round(ms * 1000)
    if microseconds / 1000 == ms:
        return microseconds * _PER_MICROSECOND
    whole = math.floor(ms)
    return whole * _PER_MILLISECOND + round((ms - whole) * _PER_MILLISECOND)


def in_words(ns: int) -> str:
    """Format a time for display, such as "2024-03-01 14:30:00.123456 UTC"."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=ns // _PER_MICROSECOND)
    return f"{at:%Y-%m-%d %H:%M:%S.%f} UTC"


def nanoseconds(when: int | datetime | date | str) -> int:
    """Return a time as nanoseconds UTC: of nanoseconds, of a datetime, or of ISO 8601 text with up to nine decimals.

    A datetime or text without a time zone is UTC, and a date is its first moment. Scalars of numpy and pandas are taken
    as well, with their nanoseconds. Raises ValueError for what is no time.
    """
    if isinstance(when, str):
        fraction = re.search(r"[.,](\d+)", when)
        text = when if fraction is None else when[: fraction.start()] + when[fraction.end() :]
        try:
            if fraction is not None and len(fraction[1]) > _DECIMALS:
                raise ValueError(fraction[1])
            whole = nanoseconds(datetime.fromisoformat(text))
        except ValueError:
            raise _not_a_time(when) from None
        return whole + (0 if fraction is None else int(fraction[1].ljust(9, "0")))
    if not isinstance(when, date):
        return _number(when)
    moment = when if isinstance(when, datetime) else datetime.combine(when, datetime.min.time())
    try:
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        since = aware - datetime.fromtimestamp(0, UTC)
        # What datetime has no room for: pandas keeps it beside the microseconds.
        beyond = int(getattr(when, "nanosecond", 0))
        return (since.days * 86_400 + since.seconds) * NANOSECONDS + since.microseconds * _PER_MICROSECOND + beyond
    except (TypeError, ValueError, OverflowError):  # pandas' NaT is a datetime
        raise _not_a_time(when) from None


def _number(when: Any) -> int:
    """Return nanoseconds, also of a scalar of numpy: an integer, or a datetime64 of whatever unit."""
    plain = when.item() if hasattr(when, "item") else when
    if isinstance(plain, date):
        return nanoseconds(plain)
    if isinstance(plain, bytes | bytearray | bool) or (isinstance(plain, float) and plain % 1):
        raise _not_a_time(when)
    try:
        return int(plain)
    except (TypeError, ValueError, OverflowError):
        raise _not_a_time(when) from None


def _not_a_time(when: object) -> ArgumentError:
    return ArgumentError(
        f"{when!r} is not a time: give nanoseconds, a datetime, or ISO 8601 text such as 2024-03-01T14:30:00.125"
    )


def duration(length: float | str) -> int:
    """Return a length of time in nanoseconds: of seconds, or of text such as "250us", "10ms", "1.5s", "5m" or "1h".

    Raises ValueError for other text, and for what is not above 0.
    """
    factor, number = NANOSECONDS, length
    if isinstance(length, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h)\s*", length)
        if found is None:
            raise ArgumentError(f"{length!r} is not a length of time: give text such as 250us, 10ms, 1.5s, 5m or 1h")
        number, factor = float(found[1]), _UNITS[found[2]]
    exact = float(number) * factor
    ns = round(exact) if math.isfinite(exact) else 0
    if ns <= 0:
        raise ArgumentError(f"a length of time must be above 0, got {length!r}")
    return ns


class Clock:
    """Clock that gives source time as a function of real time.

    `now()` advances `speed` nanoseconds for each nanosecond of `timer`, from `start` (default: the wall time). A paused
    clock stands until `resume()`, `step()` or `set()`. With `speed=float("inf")` the clock stands as well, and the
    reader of a source moves it with `reach()`: as fast as possible, and never ahead of the work.

    It may be changed from any thread; `watch()` tells of changes.
    """

    def __init__(
        self,
        start: int | None = None,
        speed: float = 1.0,
        *,
        paused: bool = False,
        timer: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._timer = timer
        # One tuple, so that a thread that reads the time never sees the half of a change.
        self._mark = (wall_time() if start is None else start, timer())
        self._speed = check_speed(speed)
        self._paused = paused
        self._watchers: list[Callable[[], None]] = []

    def now(self) -> int:
        """Return the time in nanoseconds."""
        origin, anchor = self._mark
        if self._paused or math.isinf(self._speed):
            return origin
        elapsed = self._timer() - anchor
        # At speed 1 no float comes in between, so that a long-lived clock keeps its nanoseconds.
        return origin + (elapsed if self._speed == 1.0 else round(elapsed * self._speed))

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when the clock is paused, resumed, set, or given another speed, on the thread that does it.

        Returns a function that ends the watch.
        """
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        speed = check_speed(speed)
        self._hold()
        self._speed = speed
        self._tell()

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def unpaced(self) -> bool:
        """True at infinite speed, where the reader of a source sets the pace."""
        return math.isinf(self._speed)

    def pause(self) -> None:
        """Stop the time."""
        self._hold()
        self._paused = True
        self._tell()

    def resume(self) -> None:
        """Let the time go on after a pause."""
        self._hold()
        self._paused = False
        self._tell()

    def set(self, ns: int) -> None:
        """Set the time, without pausing or resuming the clock."""
        self._mark = (ns, self._timer())
        self._tell()

    def step(self, ns: int) -> None:
        """Move the time by `ns`."""
        self.set(self.now() + ns)

    def reach(self, ns: int) -> None:
        """Move an unpaced clock forward to `ns`; a paced or paused one, or one that is there already, stays."""
        if self.unpaced and not self._paused and ns > self._mark[0]:
            self._mark = (ns, self._timer())

    def seconds_until(self, ns: int) -> float:
        """Return the real seconds until `now()` is `ns`: 0 if past or unpaced, infinity while paused."""
        remaining = ns - self.now()
        if remaining <= 0:
            return 0.0
        if self._paused:
            return math.inf
        return 0.0 if self.unpaced else remaining / self._speed / NANOSECONDS

    def _hold(self) -> None:
        """Count real time from now on."""
        self._mark = (self.now(), self._timer())

    def _tell(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()

    def __repr__(self) -> str:
        state = "paused" if self._paused else f"speed {self._speed:g}"
        return f"Clock({self.now()} ns, {state})"


def check_speed(speed: float) -> float:
    """Return a multiple of real time; infinity is as fast as possible. Raises ArgumentError for what is not above 0."""
    number = speed if isinstance(speed, int | float) and not isinstance(speed, bool) else _float(speed)
    if number is None or not number > 0:
        is_fast = isinstance(speed, str) and speed.strip().lower() in _FASTEST
        near = {speed: "float('inf')"} if is_fast else {}
        raise ArgumentError(
            "speed must be above 0: 1 is real time, 10 ten times as fast, float('inf') as fast as possible; "
            f"got {speed!r}" + ("; pause() stops the time" if number == 0 else "")
        ).advise(instead=near)
    return float(number)


def _float(speed: object) -> float | None:
    """Return a number of numpy's, or of another library, as a float; None for text and for what is not a number."""
    return None if isinstance(speed, str | bool) or not isinstance(speed, Real) else float(speed)
