"""Real packets of IEX's feeds: UDP payloads of captures of Ethernet packets, taken apart by hand."""

from __future__ import annotations

from tests.shared_data import shared_data

DEEP_PLUS = (
    "B_TradeBreak", "D_SecurityDirectory", "E_SecurityEvent", "H_TradingStatus", "I_RetailLiquidityIndicator",
    "L_OrderExecuted", "M_OrderModify", "O_OperationalHaltStatus", "P_ShortSalePriceTestStatus", "R_OrderDelete",
    "S_SystemEvent", "T_Trade", "a_AddOrder", "all_message_types",
)  # fmt: skip
CAPTURES = [*(f"iex/DeepPlus/{name}.pcap" for name in DEEP_PLUS), "iex/Tops.v1.6/QuoteUpdateMessage.pcap"]


def real_segments(name: str) -> list[bytes]:
    """The payloads of a capture, whose packets have Ethernet, IPv4 without options and UDP."""
    data, at, found = shared_data(name).read_bytes(), 24, []
    assert data[:4] == b"\xd4\xc3\xb2\xa1"
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        frame = data[at + 16 : at + 16 + size]
        assert frame[12:15] == b"\x08\x00\x45"
        length = int.from_bytes(frame[38:40], "big")
        found.append(frame[42 : 34 + length])
        at += 16 + size
    return found
