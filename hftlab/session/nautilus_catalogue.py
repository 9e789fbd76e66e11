"""A session's events as a Nautilus Trader catalogue, by its own wranglers: instruments, order book deltas, trades.

Source: Nautilus Trader 1.221, `persistence.wranglers_v2` and the Arrow schemas of its data types: prices and sizes are
little-endian integers of 8 or 16 bytes, `FIXED_SCALAR` in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hftlab.events import F_LAST
from hftlab.instruments import BINANCE_USDM, UNIT, Instrument
from hftlab.session.hftbacktest_array import chosen_symbol, event_array, instrument_of_symbol, known_symbols
from hftlab.session.session_tables import SessionTables
from hftlab.venues.hftbacktest import event_format as form
from hftlab.venues.hftbacktest.decoder import ends_of, meaning_of

__all__ = ["write_catalogue"]

_DECIMALS: Final = 9
_ADD, _UPDATE, _DELETE, _CLEAR = range(1, 5)
_ACTIONS: Final = {
    form.DEPTH_CLEAR: _CLEAR,
    form.DEPTH: _UPDATE,
    form.DEPTH_SNAPSHOT: _ADD,
    form.ADD_ORDER: _ADD,
    form.MODIFY_ORDER: _UPDATE,
    form.CANCEL_ORDER: _DELETE,
}
_FLAGS: Final = 0xFF
Array = npt.NDArray[Any]


def write_catalogue(session: SessionTables, folder: Path, symbols: Sequence[str] | None) -> list[str]:
    """Write a session into a catalogue, see Session.to_nautilus(); returns the ids of the instruments."""
    try:
        from nautilus_trader.persistence.catalog import ParquetDataCatalog
    except ImportError as error:
        raise ImportError("to_nautilus() needs Nautilus Trader: run `pip install nautilus_trader`") from error
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = ParquetDataCatalog(str(folder))
    written = []
    for symbol in known_symbols(session) if symbols is None else symbols:
        name = chosen_symbol(session, symbol)
        rows = event_array(session, name, "causal", 0)
        own = instrument_of_symbol(session, name, rows)
        instrument = _instrument(own, _decimals(own, rows), int(rows["local_ts"][0]) if len(rows) else 0)
        catalogue.write_data([instrument])
        for data in (_deltas(rows, own, instrument), _trades(rows, instrument)):
            if data:
                catalogue.write_data(data)
        written.append(str(instrument.id))
    return written


def _decimals(own: Instrument, rows: Array) -> tuple[int, int]:
    """Return the decimals of prices, also of trades between two ticks, and of sizes."""
    prices = np.rint(rows["px"][rows["ev"] & form.KIND == form.TRADE] * 1e9).astype(np.int64)
    steps = (int(np.gcd.reduce(np.append(prices, own.tick))), own.lot)
    price, size = (
        next(count for count in range(_DECIMALS + 1) if step % 10 ** (_DECIMALS - count) == 0) for step in steps
    )
    return price, size


def _instrument(own: Instrument, decimals: tuple[int, int], at: int) -> Any:
    """Return the instrument: a share, a pair of currencies, or a perpetual future on one."""
    from nautilus_trader.model.currencies import USD
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair, Equity
    from nautilus_trader.model.objects import Price, Quantity

    price, size = decimals
    common = {
        "instrument_id": InstrumentId(Symbol(own.symbol), Venue(own.venue.name)),
        "raw_symbol": Symbol(own.symbol),
        "price_precision": price,
        "price_increment": Price(own.tick / UNIT, price),
        "ts_event": at,
        "ts_init": at,
    }
    base = own.symbol.removesuffix(own.currency).strip("/-_") if own.currency else ""
    if size == 0 and base in ("", own.symbol):
        currency = _currency(own.currency) if own.currency else USD
        return Equity(currency=currency, lot_size=Quantity.from_int(1), **common)
    pair = common | {
        "base_currency": _currency(base or own.symbol),
        "quote_currency": _currency(own.currency) if own.currency else USD,
        "size_precision": size,
        "size_increment": Quantity(own.lot / UNIT, size),
    }
    if own.venue.name == BINANCE_USDM.name:
        return CryptoPerpetual(settlement_currency=pair["quote_currency"], is_inverse=False, **pair)
    return CurrencyPair(**pair)


def _currency(code: str) -> Any:
    """Return a currency that Nautilus knows, or one made for a coin that it does not."""
    from nautilus_trader.model.enums import CurrencyType
    from nautilus_trader.model.objects import Currency

    return Currency.from_internal_map(code) or Currency(code, 8, 0, code, CurrencyType.CRYPTO)


def _deltas(rows: Array, own: Instrument, instrument: Any) -> list[Any]:
    from nautilus_trader.persistence.wranglers_v2 import OrderBookDeltaDataWranglerV2

    kinds = (rows["ev"] & form.KIND).astype(np.int64)
    actions = np.zeros(len(rows), np.uint8)
    for kind, action in _ACTIONS.items():
        actions[kinds == kind] = action
    actions[np.isin(kinds, (form.DEPTH, form.DEPTH_SNAPSHOT)) & (rows["qty"] == 0)] = _DELETE
    is_delta = actions > 0
    ends = ends_of(rows, meaning_of(rows["ival"]))
    event: Array = (np.cumsum(ends) - ends)[is_delta]
    rows, actions, ends_before = rows[is_delta], actions[is_delta], int(np.count_nonzero(ends))
    if not len(rows):
        return []
    last = np.append(event[1:] != event[:-1], True) & (event < ends_before)
    flags = (rows["ival"] & _FLAGS).astype(np.uint8) & ~np.uint8(F_LAST) | np.where(last, np.uint8(F_LAST), np.uint8(0))
    columns = {
        "action": pa.array(actions, pa.uint8()),
        "side": pa.array(_sides(rows), pa.uint8()),
        "price": _fixed(own.ticks(rows["px"]) * own.tick),
        "size": _fixed(own.lots(rows["qty"]) * own.lot),
        "order_id": pa.array(rows["order_id"], pa.uint64()),
        "flags": pa.array(flags, pa.uint8()),
        "sequence": pa.array((rows["ival"] >> 16).astype(np.uint64), pa.uint64()),
        **_times(rows),
    }
    return _wrangled(OrderBookDeltaDataWranglerV2, instrument, columns)


def _trades(rows: Array, instrument: Any) -> list[Any]:
    from nautilus_trader.persistence.wranglers_v2 import TradeTickDataWranglerV2

    rows = rows[(rows["ev"] & form.KIND == form.TRADE) & (rows["qty"] > 0)]
    if not len(rows):
        return []
    sequences = rows["ival"] >> 16
    numbers = sequences if len(np.unique(sequences)) == len(rows) else np.arange(1, len(rows) + 1)
    columns = {
        "price": _fixed(np.rint(rows["px"] * 1e9).astype(np.int64)),
        "size": _fixed(np.rint(rows["qty"] * 1e9).astype(np.int64)),
        "aggressor_side": pa.array(_sides(rows), pa.uint8()),
        "trade_id": pa.array(numbers.astype(str).tolist(), pa.string()),
        **_times(rows),
    }
    return _wrangled(TradeTickDataWranglerV2, instrument, columns)


def _sides(rows: Array) -> Array:
    """Return 1 for bids and buyers, 2 for asks and sellers, 0 for neither."""
    return np.where(rows["ev"] & form.BUY != 0, 1, np.where(rows["ev"] & form.SELL != 0, 2, 0)).astype(np.uint8)


def _times(rows: Array) -> dict[str, Any]:
    return {
        "ts_event": pa.array(rows["exch_ts"].astype(np.uint64), pa.uint64()),
        "ts_init": pa.array(rows["local_ts"].astype(np.uint64), pa.uint64()),
    }


def _fixed(values: npt.NDArray[np.int64]) -> Any:
    """Return 1e-9 units as Nautilus's fixed-point bytes: FIXED_SCALAR of them in one."""
    from nautilus_trader.model.objects import FIXED_PRECISION_BYTES, FIXED_SCALAR

    factor = int(FIXED_SCALAR) // UNIT
    # A product of 128 bits, from two halves that stay within 64.
    low = (values & 0xFFFFFFFF) * factor
    high = (values >> 32) * factor + (low >> 32)
    words = np.empty((len(values), 2), np.int64)
    words[:, 0] = (high << 32) | (low & 0xFFFFFFFF)
    words[:, 1] = high >> 32
    if words.itemsize == FIXED_PRECISION_BYTES:
        words = words[:, :1].copy()
    buffers = [None, pa.py_buffer(words.tobytes())]
    return pa.Array.from_buffers(pa.binary(FIXED_PRECISION_BYTES), len(values), buffers)


def _wrangled(wrangler: Any, instrument: Any, columns: dict[str, Any]) -> list[Any]:
    made: list[Any] = wrangler.from_instrument(instrument).from_arrow(pa.table(columns))
    return made
