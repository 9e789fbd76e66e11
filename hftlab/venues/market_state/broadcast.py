"""Message that several readers get."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Broadcast", "Reader"]

Reader = TypeVar("Reader", bound=Hashable)


class Broadcast(NamedTuple, Generic[Reader]):
    """Payload for some readers."""

    payload: bytes
    readers: list[Reader]
