"""Reasons: each refusal and each cancel of the matching engine has a text that says what is wrong."""

from __future__ import annotations

import pytest

from hftlab.book.matching import Reason, TradingPhase
from hftlab.protocol.enums import OrderType, TimeInForce
from hftlab.simulator.entry_reasons import amount, cancel_reason, refusal


def band() -> str:
    return "170.00 to 180.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.00"), (1, "0.000000001"), (175_250_000_000, "175.25"), (10**9, "1.00"), (-1_500_000_000, "-1.50"),
     (2**63 * 10**9, "9223372036854775808.00")],
)  # fmt: skip
def test_amounts_are_exact(value: int, text: str) -> None:
    assert amount(value) == text


@pytest.mark.parametrize(
    ("reason", "phase", "text"),
    [
        (Reason.WRONG_PHASE, TradingPhase.HALTED, "halted: AAPL is not trading"),
        (Reason.WRONG_PHASE, TradingPhase.CLOSED, "closed: AAPL is not trading"),
        (Reason.WRONG_PHASE, TradingPhase.CALL, "auction call: AAPL takes no IOC, FOK or post-only orders"),
        (Reason.OUT_OF_BAND, TradingPhase.CONTINUOUS, "price: outside of the band 170.00 to 180.00"),
        (Reason.WOULD_TAKE, TradingPhase.CONTINUOUS, "post-only: the order would trade at once"),
        (Reason.UNKNOWN_ORDER, TradingPhase.CONTINUOUS, "unknown order"),
        (Reason.NO_REFERENCE, TradingPhase.CONTINUOUS, "no reference"),
    ],
)
def test_refusals(reason: Reason, phase: TradingPhase, text: str) -> None:
    assert refusal(reason, phase, "AAPL", band) == text


@pytest.mark.parametrize(
    ("reason", "kind", "in_force", "text"),
    [
        (Reason.REQUESTED, OrderType.LIMIT, TimeInForce.DAY, "requested"),
        (Reason.NO_LIQUIDITY, OrderType.LIMIT, TimeInForce.IOC, "no liquidity for the rest of an IOC order"),
        (Reason.NO_LIQUIDITY, OrderType.MARKET, TimeInForce.DAY, "no liquidity for the rest of a MARKET order"),
        (Reason.NOT_FILLABLE, OrderType.LIMIT, TimeInForce.FOK, "fill or kill: not fillable"),
        (Reason.SELF_TRADE, OrderType.LIMIT, TimeInForce.DAY, "self-trade prevention"),
        (Reason.OUT_OF_BAND, OrderType.MARKET, TimeInForce.DAY, "no liquidity inside of the band 170.00 to 180.00"),
        (Reason.EXPIRED, OrderType.LIMIT, TimeInForce.DAY, "end of day"),
    ],
)
def test_cancels(reason: Reason, kind: OrderType, in_force: TimeInForce, text: str) -> None:
    assert cancel_reason(reason, kind, in_force, band) == text
