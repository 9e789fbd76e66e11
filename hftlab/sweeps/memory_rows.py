"""Rows of a sweep without a folder: in memory."""

from __future__ import annotations

from typing import Any, Self

import polars as pl

from hftlab.sweeps.run_rows import COLUMNS

__all__ = ["MemoryRows"]


class MemoryRows:
    """Rows of runs as they have ended, with the calls of a SweepFolder. A context manager."""

    path = None
    wait = None

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    @property
    def rows(self) -> pl.DataFrame:
        """Rows of all runs that have ended."""
        return pl.DataFrame(self._rows, schema=COLUMNS)

    def add(self, row: dict[str, Any]) -> None:
        """Add the row of a run that has ended."""
        self._rows.append(row)

    def flush(self) -> None:
        """Write nothing."""

    def save(self, table: pl.DataFrame) -> None:
        """Write nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
