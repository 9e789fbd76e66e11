"""Names of the venues in whose wire a recording can be served."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from hftlab.errors import ArgumentError
from hftlab.nearest import meant

__all__ = ["Wire", "check_wire"]

Wire: TypeAlias = Literal["binance", "kraken"]


def check_wire(wire: str | None, **terms: object) -> None:
    """Raise ArgumentError for a wire that is not known, and for `terms` that are given without one."""
    known = get_args(Wire)
    if wire is not None and wire not in known:
        raise ArgumentError(f"wire={wire!r} is not known: give {' or '.join(map(repr, known))}").advise(
            instead=meant([str(wire)], known)
        )
    for name, given in terms.items():
        if wire is None and given is not None:
            raise ArgumentError(f"{name}={given!r} is for a recording in a venue's own wire: give wire= as well")
