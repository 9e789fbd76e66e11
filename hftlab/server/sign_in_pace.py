"""Pace of sign-ins, by account."""

from __future__ import annotations

from typing import Final

__all__ = ["SignInPace"]

_PER_SECOND: Final = 20_000.0
"""Private messages of an account that sign-ins may bring in the long run: about a tenth of a core."""
_AT_ONCE: Final = 60_000
"""And at once: the state of an account with as many orders as are kept, three times."""
_MOST: Final = 10_000
"""Accounts that are remembered before those that need not wait are forgotten."""


class SignInPace:
    """Pace of the sign-ins of each account, measured by the private messages that they bring.

    The state of an account, or what it has missed, may be ten thousand messages and more. Without a pace a client that
    signs in again and again would leave the server no time for others. `now` is in seconds of a steady clock.
    """

    def __init__(self) -> None:
        self._paid_at: dict[str, float] = {}
        """By account: when all messages so far are within the rate (the generic cell rate algorithm)."""

    def wait(self, account: str, now: float) -> float:
        """Return the seconds until the account may be signed in to; 0 if it may now."""
        return max(0.0, self._paid_at.get(account, now) - now - _AT_ONCE / _PER_SECOND)

    def spend(self, account: str, messages: int, now: float) -> None:
        """Count the messages of a sign-in."""
        self._paid_at[account] = max(self._paid_at.get(account, now), now) + messages / _PER_SECOND
        if len(self._paid_at) > _MOST:
            self._paid_at = {name: paid_at for name, paid_at in self._paid_at.items() if paid_at > now}
