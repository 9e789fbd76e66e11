"""Estimate of the place of a resting order in the queue of its price level, from level sizes and trades alone."""

from __future__ import annotations

__all__ = ["QueueEstimate"]


class QueueEstimate:
    """Size ahead of a resting order at its price, between two bounds. All sizes are in one unit.

    What trades at the price comes off the front of the queue, and what is added joins behind the order. Only of what is
    cancelled it is not known where it stood:

    - `risk_averse`: everything was cancelled behind the order, as long as there was as much. The true size ahead is
      never more, however rarely the level is observed.
    - `pro_rata`: as much of it stood ahead as is ahead of all other orders at the price.
    - `optimistic`: everything was cancelled ahead of the order. The true size ahead is never less if the level is
      observed after every change; between two observations an addition may hide a cancellation.

    Levels are as displayed: hidden orders and an iceberg's next part are not seen.
    """

    __slots__ = ("_others", "optimistic", "pro_rata", "risk_averse")

    def __init__(self, ahead: float, least: float | None = None, others: float | None = None) -> None:
        """Begin with the size that stood at the price when the order came, or with bounds of it.

        `others` is the level's size without the order itself, `ahead` if it is left out.
        """
        self._others = ahead if others is None else others
        self.risk_averse = ahead
        self.optimistic = ahead if least is None else min(least, ahead)
        self.pro_rata = (self.optimistic + min(ahead, max(self.optimistic, self._others))) / 2

    def observe(self, others: float, traded: float = 0.0) -> None:
        """Take in the level's size without the order itself, and what has traded at its price since the last time.

        `traded` does not include the order's own fills.
        """
        before = self._others
        left = max(0.0, before - traded)
        self._trade(traded)
        cancelled = max(0.0, left - others)
        if cancelled and left > 0:
            self.pro_rata -= self.pro_rata * min(1.0, cancelled / left)
            self.optimistic = max(0.0, self.optimistic - cancelled)
        self.risk_averse = min(self.risk_averse, others)
        self.pro_rata = min(self.pro_rata, self.risk_averse)
        self.optimistic = min(self.optimistic, self.pro_rata)
        self._others = others

    def filled(self) -> None:
        """Take note that the order itself was executed: it is at the front."""
        self.risk_averse = self.pro_rata = self.optimistic = 0.0

    def _trade(self, size: float) -> None:
        self.risk_averse = max(0.0, self.risk_averse - size)
        self.pro_rata = max(0.0, self.pro_rata - size)
        self.optimistic = max(0.0, self.optimistic - size)

    def __repr__(self) -> str:
        return f"QueueEstimate({self.pro_rata:g} ahead, {self.optimistic:g} to {self.risk_averse:g})"
