"""Refuses what a page asked for too long ago.

A kernel that computes reads its pages' messages late. What a person asked for while another market was on the screen
must then not be done.
"""

from __future__ import annotations

from math import isfinite
from typing import Final

__all__ = ["MAX_AGE", "check_fresh"]

MAX_AGE: Final = 2.0
"""Seconds."""


def check_fresh(age: float, what: str) -> None:
    """Check that what a page asked for is at most MAX_AGE old; else raise ValueError, which says `what` was not done.

    `age` in seconds is the one that the widget puts into a message with a stamp: inf where nothing proves it.
    """
    if not age <= MAX_AGE:
        late = f"after {age:.1f} s" if isfinite(age) else "too late"
        raise ValueError(f"{what}: the kernel heard of it {late}, because a cell ran or the clocks differ")
