"""Matching engine: orders of many instruments, matched by price and time.

`OrderType`, `TimeInForce` and `Phase` are the names under which programs know `EntryType`, `InForce` and
`TradingPhase`: the integers of the engine's rows, where hftlab.protocol has enums of text and hftlab.instruments has a
venue's hours under the same names.
"""

from hftlab.book.matching.engine import MatchingEngine, Result
from hftlab.book.matching.entries import (
    Action,
    EntryType,
    InForce,
    Prevention,
    Reason,
    Status,
    TradingPhase,
    Trigger,
    new_entries,
)

OrderType = EntryType
TimeInForce = InForce
Phase = TradingPhase

__all__ = [
    "Action",
    "EntryType",
    "InForce",
    "MatchingEngine",
    "OrderType",
    "Phase",
    "Prevention",
    "Reason",
    "Result",
    "Status",
    "TimeInForce",
    "TradingPhase",
    "Trigger",
    "new_entries",
]
