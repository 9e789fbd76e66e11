"""Queue models: the estimated size ahead of a resting order, where only the levels' sizes are known.

A trade at the order's price takes from the front. What a level loses beyond its trades was cancelled, ahead of the
order or behind it: a model says with which probability behind. The risk-averse model says always; the five others are
those of hftbacktest 2.4.4 (models/queue.rs), with its names:

    power    b^n / (b^n + f^n)                      f lots ahead of the order, b lots behind it
    log      ln(1 + b) / (ln(1 + b) + ln(1 + f))
    log2     ln(1 + b) / ln(1 + b + f)
    power2   b^n / (b + f)^n
    power3   1 - (f / (f + b))^n

The idea: https://rigtorp.se/2013/06/08/estimating-order-queue-position.html. `log` and `log2` depend on the unit in
which sizes are counted: hftbacktest counts shares or coins, so a kernel that counts lots passes the size of one.

The one difference is that a change of the level's size never brings the size ahead below 0. In hftbacktest it may, and
the next trade then fills the order for more than was traded.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Final

from hftlab.kernels.compiling import inlined

__all__ = ["QueueModel", "behind_probability", "front_after_change", "front_after_trade"]


class QueueModel(IntEnum):
    """Code of a queue model, for compiled loops."""

    RISK_AVERSE = 0
    POWER = 1
    LOG = 2
    LOG2 = 3
    POWER2 = 4
    POWER3 = 5


_RISK_AVERSE: Final = int(QueueModel.RISK_AVERSE)
_POWER: Final = int(QueueModel.POWER)
_LOG: Final = int(QueueModel.LOG)
_LOG2: Final = int(QueueModel.LOG2)
_POWER2: Final = int(QueueModel.POWER2)


@inlined
def behind_probability(model: int, n: float, front: float, behind: float) -> float:
    """Return the probability that a lot was cancelled behind an order, with so much ahead of it and behind it.

    What the formula leaves open, as with nothing on either side, is 1: the order keeps its place.
    """
    if model == _RISK_AVERSE:
        return 1.0
    if model == _POWER:
        probability = behind**n / (behind**n + front**n)
    elif model == _LOG:
        probability = math.log(1.0 + behind) / (math.log(1.0 + behind) + math.log(1.0 + front))
    elif model == _LOG2:
        probability = math.log(1.0 + behind) / math.log(1.0 + behind + front)
    elif model == _POWER2:
        probability = behind**n / (behind + front) ** n
    else:
        probability = 1.0 - (front / (front + behind)) ** n
    return probability if math.isfinite(probability) else 1.0


@inlined
def front_after_trade(front: float, traded: float, lots: float) -> tuple[float, float]:
    """Take a trade of so many lots at an order's price from what stands ahead of it.

    Returns what stands ahead now and what has traded since the level's size was last told. Below 0 the trade has come
    to the order: the caller fills it and sets its front to 0.
    """
    return front - lots, traded + lots


@inlined
def front_after_change(
    model: int, n: float, front: float, before: float, after: float, traded: float, lot: float = 1.0
) -> tuple[float, float]:
    """Take the change of a level's size, `before` to `after`, into account of what stands ahead of an order there.

    `traded` is what has traded there since the level's size was last told: so much of a fall is known already. Sizes
    are in lots and without own orders; `front` may have fractions, and is at most `before`. `lot` is the size of a lot
    in the unit that `log` and `log2` count in. Returns what stands ahead now, from 0 to `after`, and `traded` set back
    to 0.

    With an exponent above 1, of two orders at a level the one behind may come out ahead of the other: a caller with
    several orders at a price keeps their order itself.
    """
    front = max(front, 0.0)
    cancelled = before - after - traded
    if cancelled > 0.0 and model != _RISK_AVERSE:
        behind = max(before - front, 0.0)
        probability = behind_probability(model, n, front * lot, behind * lot)
        # What is said to have been cancelled behind, and was not there, was cancelled ahead.
        front = front - (1.0 - probability) * cancelled + min(behind - probability * cancelled, 0.0)
    return max(min(front, after), 0.0), 0.0
