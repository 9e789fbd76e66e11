"""Real packets of the Integrated Feed, each the only one of its capture."""

from __future__ import annotations

from tests.shared_data import shared_data

XDP, PILLAR = "IntegratedFeed.Xdp.v2.1", "IntegratedFeed.Pillar.v2.5"
NAMES = {
    XDP: (
        "AddOrder", "Imbalance", "OrderExecution", "ReplaceOrder", "SecurityStatus", "SequenceReset",
        "SourceTimeReference", "SymbolIndexMapping",
    ),
    PILLAR: (
        "AddOrder", "CrossTrade", "DeleteOrder", "Imbalance", "OrderExecution", "ReplaceOrder", "SecurityStatus",
        "SourceTimeReference", "StockSummary",
    ),
}  # fmt: skip
PACKETS = [(feed, name) for feed, names in NAMES.items() for name in names]


def real_packet(feed: str, name: str) -> bytes:
    """The UDP payload of a capture of one Ethernet packet, taken apart by hand."""
    frame = shared_data(f"nyse/{feed}/{name}Message.pcap").read_bytes()[24 + 16 :]
    assert frame[12:14] == b"\x08\x00"
    ip, header = 14, (frame[14] & 15) * 4
    length = int.from_bytes(frame[ip + header + 4 : ip + header + 6], "big")
    return frame[ip + header + 8 : ip + header + length]
