"""The matching engine: many instruments' orders, matched by price and time, with what accounts and readers need."""

from hftlab.book.matching.engine import (
    Action,
    MatchingEngine,
    OrderType,
    Phase,
    Prevention,
    Reason,
    Result,
    Status,
    TimeInForce,
    new_entries,
)

__all__ = [
    "Action",
    "MatchingEngine",
    "OrderType",
    "Phase",
    "Prevention",
    "Reason",
    "Result",
    "Status",
    "TimeInForce",
    "new_entries",
]
