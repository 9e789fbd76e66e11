"""Arrivals of a live feed from its connections, in the order in which they came; times are ns of our wall clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from hftlab.instruments import Instrument

__all__ = ["Arrival", "Failed", "Frame", "Listed", "Lost", "Overflow", "Snapshot", "Subscribed", "Suspended"]


class Frame(NamedTuple):
    """Message of a stream."""

    at: int
    payload: bytes


class Snapshot(NamedTuple):
    """Answer to a request for the book of a symbol."""

    at: int
    symbol: str
    payload: bytes


class Listed(NamedTuple):
    """Instruments of the feed, which are known from here on."""

    at: int
    instruments: Sequence[Instrument]


class Subscribed(NamedTuple):
    """Connection whose streams have all been granted."""

    at: int
    symbols: tuple[str, ...]
    url: str


class Lost(NamedTuple):
    """End of the only connection of some symbols, of which the last was heard at `since`."""

    at: int
    symbols: tuple[str, ...]
    url: str
    reason: str
    since: int


class Suspended(NamedTuple):
    """Pause of the venue, in which the books of some symbols are not to be relied on though they may come."""

    at: int
    symbols: tuple[str, ...]
    reason: str


class Overflow(NamedTuple):
    """Frames that were dropped, from here on, because nobody has read the feed."""

    at: int


class Failed(NamedTuple):
    """Error after which nothing more comes."""

    at: int
    error: Exception


Arrival: TypeAlias = Frame | Snapshot | Listed | Subscribed | Lost | Suspended | Overflow | Failed
