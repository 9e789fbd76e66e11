"""Clocks of gateways: how old what they send is, on machines whose clocks differ."""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["GatewayClocks"]

_WINDOW: Final = 20
"""Signs of life of a gateway that count: ten seconds of them."""
_MOST: Final = 1_000
"""Gateways that are remembered, also while they are not heard."""


class GatewayClocks:
    """Age of gateways' messages, in ns, whatever their clocks say. No I/O: `now` is this machine's wall time.

    A message's delay is its time here less its time there: the difference of the clocks and its way together. The
    smallest delay of a gateway's last signs of life is close to the difference alone (as in Cristian's algorithm), and
    what a message has more it has waited for.
    """

    def __init__(self) -> None:
        self._delays: dict[str, deque[int]] = {}

    def hear(self, gateway: str, sent_at: int, now: int) -> None:
        """Take in a sign of life with the gateway's wall time."""
        delays = self._delays.pop(gateway, None)
        self._delays[gateway] = deque(maxlen=_WINDOW) if delays is None else delays
        self._delays[gateway].append(now - sent_at)
        if len(self._delays) > _MOST:
            del self._delays[next(iter(self._delays))]

    def age(self, gateway: str, sent_at: int, now: int) -> int:
        """Return how long ago a message was sent; by the clocks alone where the gateway has not been heard yet."""
        return max(0, now - sent_at - min(self._delays.get(gateway, (0,))))
