"""Tables of a session as those take them that make something else of it."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from hftlab.session.manifest import Manifest
from hftlab.session.object_path import Location

__all__ = ["SessionTables"]


class SessionTables(Protocol):
    """Session as its folder, its manifest and those tables that tell of a market: hftlab.session.session.Session."""

    folder: Location
    manifest: Manifest

    @property
    def events(self) -> pl.LazyFrame:
        """Order-level events."""
        ...

    @property
    def market_data(self) -> pl.LazyFrame:
        """Rows of MARKET_DATA."""
        ...

    @property
    def messages(self) -> pl.LazyFrame:
        """Messages of all other types."""
        ...
