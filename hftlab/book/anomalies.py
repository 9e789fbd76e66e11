"""Anomalies: the kinds of errors in an event, and the policies for what a set of books then does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import numpy as np

from hftlab.kernels.compiling import IntArray

__all__ = ["KINDS", "Kind", "Policy", "policy_codes"]

Kind: TypeAlias = Literal[
    "time_back",
    "no_side",
    "bad_price",
    "no_size",
    "unknown_level",
    "unknown_order",
    "repeated_order",
    "mismatch",
    "over_cancel",
    "crossed",
]
"""The kinds of anomalies:

| kind | what | the row under "skip" |
|---|---|---|
| time_back | its ts_event is before that of an earlier row that named the same book | is applied all the same |
| no_side | its side is neither B nor A | is not applied |
| bad_price | its price is not a multiple of the instrument's tick | is not applied |
| no_size | it adds an order of size 0 | is not applied |
| unknown_level | it removes a level that is not there; normal where a venue caps its snapshots | changes nothing |
| unknown_order | it cancels or modifies an order that is not there | is not applied |
| repeated_order | it adds an order whose id is there already | is not applied |
| mismatch | it has another side than its order, or cancels it at another price | is not applied |
| over_cancel | it takes off more than is left of its order | is not applied |
| crossed | its event ends with the best bid at or above the best ask | stays applied |
"""

Policy: TypeAlias = Literal["skip", "raise", "clear"]
"""Response to an anomaly besides counting: continue, raise BookAnomaly, or clear the instrument's book."""

KINDS: Final[tuple[Kind, ...]] = (
    "time_back",
    "no_side",
    "bad_price",
    "no_size",
    "unknown_level",
    "unknown_order",
    "repeated_order",
    "mismatch",
    "over_cancel",
    "crossed",
)
"""Kind number i + 1 of the kernels is KINDS[i]; their 0 is none."""

(
    FINE,
    TIME_BACK,
    NO_SIDE,
    BAD_PRICE,
    NO_SIZE,
    UNKNOWN_LEVEL,
    UNKNOWN_ORDER,
    REPEATED_ORDER,
    MISMATCH,
    OVER_CANCEL,
    CROSSED,
) = range(len(KINDS) + 1)

SKIP, RAISE, CLEAR_BOOK = range(3)
_CODES: Final[dict[str, int]] = {"skip": SKIP, "raise": RAISE, "clear": CLEAR_BOOK}


def policy_codes(policy: Policy | Mapping[Kind, Policy]) -> IntArray:
    """Encode the policy of each kind for the kernels; kinds that a mapping leaves out get "skip".

    Raises ValueError for a policy or a kind that does not exist.
    """
    by_kind = policy if isinstance(policy, Mapping) else dict.fromkeys(KINDS, policy)
    codes = np.zeros(len(KINDS) + 1, np.int64)
    for kind, chosen in by_kind.items():
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not a kind of anomaly: choose from {', '.join(KINDS)}")
        if chosen not in _CODES:
            raise ValueError(f"{chosen!r} is not a policy: choose skip, raise or clear")
        codes[1 + KINDS.index(kind)] = _CODES[chosen]
    return codes
