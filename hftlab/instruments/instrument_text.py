"""Text form of an instrument's fields, as a command takes it: `BTCUSDT,tick=0.01,lot=0.001`."""

from __future__ import annotations

import dataclasses
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from hftlab.instruments.instrument import Instrument
from hftlab.instruments.units import UNIT

__all__ = ["apply_text"]

_FORM: Final = "SYMBOL,tick=0.01,lot=0.001,currency=USDT"


def apply_text(instrument: Instrument, text: str) -> Instrument:
    """Return `instrument` with the fields that `text` gives: tick, lot (both in units) and currency.

    The text begins with the instrument's symbol. A tick that the market's tick rule does not allow takes its place.
    Raises ValueError for another symbol, an unknown field, or a number that is not a positive multiple of 1e-9.
    """
    symbol, *fields = (part.strip() for part in text.split(","))
    if symbol != instrument.symbol:
        raise ValueError(f"the instrument {symbol!r} is not {instrument.symbol}, of which the file is: {_FORM}")
    changes: dict[str, Any] = {}
    for entry in fields:
        name, _, value = (part.strip() for part in entry.partition("="))
        if name in ("tick", "lot"):
            changes[name] = _units(name, value)
        elif name == "currency" and value:
            changes[name] = value
        else:
            raise ValueError(f"{entry!r} is not tick=, lot= or currency= of an instrument: {_FORM}")
    rule = instrument.rule
    if rule is not None and any(tick % changes.get("tick", instrument.tick) for tick in rule.ticks):
        changes["rule"] = None
    return dataclasses.replace(instrument, **changes)


def _units(name: str, text: str) -> int:
    try:
        units = Decimal(text) * UNIT
    except InvalidOperation:
        units = Decimal(0)
    if not units.is_finite() or units < 1 or units != int(units):
        raise ValueError(f"{name}={text} must be a positive number of at most nine decimals, such as {name}=0.01")
    return int(units)
