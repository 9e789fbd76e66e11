"""Market rows whose instruments are some of a larger market's, under its names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from hftlab.backtest.blocks import Block, Holding, MarketRows
from hftlab.events import COLUMNS, EventBatch
from hftlab.instruments import Instrument

__all__ = ["RenamedRows", "renamed_instruments"]


class RenamedRows(MarketRows):
    """Rows of another market, whose instruments are those of `instruments` from the number `first` on."""

    def __init__(self, source: MarketRows, instruments: tuple[Instrument, ...], first: int) -> None:
        self.instruments = instruments
        self._source, self._first = source, first

    def holds(self, number: int) -> Holding | None:
        """Return what the rows tell of an instrument's book; None for an instrument of other rows."""
        own = number - self._first
        return self._source.holds(own) if 0 <= own < len(self._source.instruments) else None

    def block(self, number: int) -> Block | None:
        """Return a block by its number, from 0 on; None behind the last."""
        block = self._source.block(number)
        if block is None:
            return None
        columns = {name: getattr(block.batch, name) for name in COLUMNS}
        columns["instrument_id"] = columns["instrument_id"] + self._first
        return block._replace(batch=EventBatch(**columns, instruments=self.instruments))


def renamed_instruments(instruments: tuple[Instrument, ...], names: Mapping[str, str]) -> tuple[Instrument, ...]:
    """Return instruments under other names: `names` has the new wire symbols by the old ones."""
    return tuple(
        dataclasses.replace(one, symbol=names[one.wire_symbol], primary=True) if one.wire_symbol in names else one
        for one in instruments
    )
