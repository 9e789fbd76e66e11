"""Names that do not exist, and the nearest ones that do, for error messages and warnings."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Final

__all__ = ["describe_unknown", "meant", "nearest"]

_SIMILAR: Final = 0.5
_NAMED: Final = 5
"""Names that a message lists: each costs a comparison with all that exist."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that is most like `name`, whatever the case of its letters; None if none is like it."""
    folded: dict[str, str] = {}
    for one in names:
        folded.setdefault(one.casefold(), one)
    found = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=_SIMILAR)
    return folded[found[0]] if found else None


def describe_unknown(unknown: Collection[str], names: Collection[str]) -> str:
    """List unknown names, each with the nearest one that exists: "'APPL' (nearest: 'AAPL'), 'zz'".

    After five names it says how many more there are.
    """
    listed = [_described(name, nearest(name, names)) for name in list(unknown)[:_NAMED]]
    more = len(unknown) - len(listed)
    return ", ".join(listed) + (f" and {more:,} more" if more else "")


def meant(unknown: Collection[str], names: Collection[str]) -> dict[str, str]:
    """Return the code of the nearest name that exists for each unknown one that has one: {"APPL": "'AAPL'"}."""
    found = {name: nearest(name, names) for name in list(unknown)[:_NAMED]}
    return {name: repr(near) for name, near in found.items() if near is not None}


def _described(name: str, near: str | None) -> str:
    return repr(name) if near is None else f"{name!r} (nearest: {near!r})"
