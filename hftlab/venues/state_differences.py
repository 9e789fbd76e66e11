"""Differences between the successive states of a book: levels that are new, have another size, or are gone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["differences"]

Array = npt.NDArray[Any]


def differences(states: Array, prices: Array, sizes: Array) -> tuple[Array, Array, Array]:
    """Return the state's number, the price and the new size (0 if it is gone) of each change, by state.

    Given are the levels of one side in all states, each with its state's number and no price twice in a state. What
    state n + 1 lacks of state n is gone in it: also where there is no state n + 1, which the caller leaves out.
    """
    order = np.lexsort((states, prices))
    states, prices, sizes = states[order], prices[order], sizes[order]
    follows = np.zeros(len(states) + 1, np.bool_)  # whether a level was in the state before
    follows[1:-1] = (prices[1:] == prices[:-1]) & (states[1:] == states[:-1] + 1)
    same = follows[:-1].copy()
    same[1:] &= sizes[1:] == sizes[:-1]
    gone = ~follows[1:]
    found = np.concatenate([states[~same], states[gone] + 1])
    by_state = np.argsort(found, kind="stable")
    changed_prices = np.concatenate([prices[~same], prices[gone]])
    changed_sizes = np.concatenate([sizes[~same], np.zeros(np.count_nonzero(gone), sizes.dtype)])
    return found[by_state], changed_prices[by_state], changed_sizes[by_state]
