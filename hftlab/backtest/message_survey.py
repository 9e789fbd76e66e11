"""Survey of recorded market data: which channel tells most of a symbol, how deep, and on which grid."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hftlab.backtest.message_table import MessageTable, message_columns, read_only
from hftlab.backtest.survey_kernel import FOUND, survey_rows
from hftlab.instruments import NASDAQ, NYSE, UNIT, Instrument, Venue, find_instrument
from hftlab.instruments.units import reduced
from hftlab.kernels.compiling import IntArray

__all__ = ["NO_CHANNEL", "Surveyed", "codes_of", "survey"]

NO_CHANNEL: Final = -1
"""Channel of messages without one."""

_VENUES: Final = {venue.name: venue for venue in (NASDAQ, NYSE)}
"""Venues all of whose prices are in one currency."""

Pair = tuple[str, int]
"""A symbol and a channel."""


class Surveyed(NamedTuple):
    """Survey of one symbol's messages in a session: `depth` is the most levels of a side, 0 for the best only."""

    symbol: str
    channel: int
    depth: int
    instrument: Instrument


def survey(table: MessageTable, wanted: Callable[[str], bool], known: Collection[Instrument]) -> list[Surveyed]:
    """Read all of the table and tell of each symbol from which channel it is taken, in the order of their names.

    Of several channels it is the one with the most levels, then the one with the most messages. The instrument is
    that of `known` or of hftlab's registry, if all prices and sizes are on its tick and lot. Otherwise its tick and lot
    are the coarsest decimal ones, at most 1, that all of them are on. Symbols without quotes are left out. Raises
    SessionDamaged.
    """
    pairs: dict[Pair, int] = {}
    instruments: list[Instrument | None] = []
    exchanges: list[str] = []
    found = np.zeros(0, FOUND)
    for _, rows in table.groups():
        codes = codes_of(rows, pairs, wanted)
        for symbol, _ in list(pairs)[len(found) :]:
            first = int(np.argmax(codes == len(exchanges)))
            exchanges.append(rows["exchange"][first].as_py())
            instruments.append(_known(symbol, exchanges[-1], known))
            found = np.append(found, _first(instruments[-1]))
        survey_rows(message_columns(rows), read_only(codes), found)
    chosen: dict[str, int] = {}
    for (symbol, _), code in pairs.items():
        if found[code]["quotes"] and (symbol not in chosen or _rank(found[code]) > _rank(found[chosen[symbol]])):
            chosen[symbol] = code
    channels = [channel for _, channel in pairs]
    return [
        Surveyed(
            symbol,
            channels[code],
            int(found[code]["depth"]),
            _instrument(symbol, exchanges[code], instruments[code], found[code]),
        )
        for symbol, code in sorted(chosen.items())
    ]


def codes_of(rows: pa.Table, pairs: dict[Pair, int], wanted: Callable[[str], bool] | None = None) -> IntArray:
    """Return the code of each row's symbol and channel, -1 for those that have none.

    Those that are `wanted` and have none get the next one.
    """
    symbols = rows["symbol"].combine_chunks().dictionary_encode()
    channels, places = np.unique(rows["channel"].fill_null(NO_CHANNEL).to_numpy(), return_inverse=True)
    kinds, firsts, of_rows = np.unique(
        np.asarray(symbols.indices).astype(np.int64) * len(channels) + places, return_index=True, return_inverse=True
    )
    names = symbols.dictionary.to_pylist()
    codes = np.full(len(kinds), -1, np.int64)
    for kind in np.argsort(firsts).tolist():
        symbol, channel = divmod(int(kinds[kind]), len(channels))
        pair = names[symbol], int(channels[channel])
        if wanted is not None and pair not in pairs and wanted(pair[0]):
            pairs[pair] = len(pairs)
        codes[kind] = pairs.get(pair, -1)
    return codes[of_rows]


def _known(symbol: str, exchange: str, known: Collection[Instrument]) -> Instrument | None:
    for instrument in known:
        if instrument.wire_symbol == symbol:
            return instrument
    listed = find_instrument(symbol.partition(":")[0], exchange)
    return listed if listed is not None and listed.wire_symbol == symbol else None


def _first(instrument: Instrument | None) -> npt.NDArray[Any]:
    """Return what is known of a symbol before its first row."""
    found = np.zeros(1, FOUND)
    if instrument is not None:
        found["tick_numerator"], found["tick_denominator"] = reduced(instrument.tick)
        found["lot_numerator"], found["lot_denominator"] = reduced(instrument.lot)
    return found


def _rank(found: Any) -> tuple[int, int]:
    return int(found["depth"]), int(found["rows"])


def _instrument(symbol: str, exchange: str, known: Instrument | None, found: Any) -> Instrument:
    tick, lot = (UNIT // 10 ** int(found[name]) for name in ("price_digits", "size_digits"))
    if known is None:
        venue = _VENUES.get(exchange, Venue(exchange, ""))
        return Instrument(symbol, venue, tick, lot, venue.currency)
    if found["off_tick"]:
        known = dataclasses.replace(known, tick=tick, rule=None)
    return dataclasses.replace(known, lot=lot) if found["off_lot"] else known
