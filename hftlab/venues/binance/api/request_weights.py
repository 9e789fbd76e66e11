"""Weights of requests by address, counted in each minute of the wall clock.

Sources: Binance Spot API, "LIMITS" and the weights of each endpoint; USDⓈ-M Futures API, "Limits".
"""

from __future__ import annotations

from typing import Final

__all__ = ["RequestWeights"]

_MINUTE: Final = 60.0


class RequestWeights:
    """Weight that each address has used in the present minute. `now` is in seconds."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._minute = -1
        self._used: dict[str, int] = {}

    def use(self, address: str, weight: int, now: float) -> int:
        """Count a request; returns the weight that its address has used, this one included."""
        minute = int(now // _MINUTE)
        if minute != self._minute:
            self._minute = minute
            self._used.clear()
        self._used[address] = used = self._used.get(address, 0) + weight
        return used

    def retry_after(self, now: float) -> int:
        """Return in how many seconds the next minute begins, at least 1."""
        return max(1, round(_MINUTE - now % _MINUTE))
