"""Refuses what a page asked for too long ago.

A kernel that computes reads its pages' messages late. What a person asked for while another market was on the screen
must then not be done.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite
from typing import Any, Final

__all__ = ["MAX_AGE", "check_fresh"]

MAX_AGE: Final = 2.0
"""Seconds."""


def check_fresh(content: Mapping[str, Any], what: str) -> None:
    """Check that a page's message is at most MAX_AGE old; `what` was not done otherwise. Raises ValueError.

    The widget has put the message's `age` in seconds there, as far as the page's stamp proves it.
    """
    age = content.get("age", inf)
    if not age <= MAX_AGE:
        late = f"after {age:.1f} s" if isfinite(age) else "too late"
        raise ValueError(f"{what}: the kernel heard of it {late}, because a cell ran or the clocks differ")
