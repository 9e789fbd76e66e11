"""Files that are taken for captures and are not, or are captures of another format than their names say."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile

import numpy as np
import pyarrow as pa

from hftlab.venues import iex, mitch, nyse
from hftlab.venues.hftbacktest.event_format import DEPTH, EVENT_DTYPE, EXCH, LOCAL
from hftlab.venues.itch import message_bytes

__all__ = [
    "DEEP",
    "FILES",
    "FRAMED_FEEDS",
    "IEX_SEGMENT",
    "ITCH_50",
    "ITCH_MESSAGES",
    "MITCH_HEARTBEAT",
    "MITCH_UNIT",
    "PACKETS",
    "READABLE_FILES",
    "TOPS_15",
    "XDP",
    "XDP_ORDERS",
    "XDP_OTHER",
    "ethernet",
    "mold",
    "pcap",
    "pcapng",
    "zipped",
]

ITCH_MESSAGES = [
    message_bytes("S", event_code="O", timestamp=1),
    message_bytes("R", stock_locate=1, stock="ZZT", timestamp=2, round_lot_size=100),
    *(
        message_bytes("A", stock_locate=1, timestamp=34_200_000_000_000 + number, order_reference_number=number,
                      buy_sell_indicator="B", shares=100, stock="ZZT", price=100_000 + 100 * number)
        for number in range(1, 20)
    ),
]  # fmt: skip
ITCH_50 = b"".join(ITCH_MESSAGES)


def frames(*bodies: bytes, form: str = ">H") -> bytes:
    return b"".join(struct.pack(form, len(body)) + body for body in bodies)


def itch_4(stock: bytes) -> bytes:
    """A morning of ITCH 4.1, or of 4.0 with stocks of six bytes."""
    adds = (
        b"A" + struct.pack(">IQ", number, number) + b"B" + struct.pack(">I", 100) + stock + struct.pack(">I", 100_000)
        for number in range(1, 8)
    )
    directory = b"R" + struct.pack(">I", 2) + stock + b"Q " + struct.pack(">I", 100) + b"N"
    executed, deleted = b"E" + struct.pack(">IQIQ", 7, 5, 100, 1), b"D" + struct.pack(">IQ", 8, 4)
    seconds = b"T" + struct.pack(">I", 25_200)
    return frames(seconds, b"S" + struct.pack(">I", 1) + b"O", directory, seconds, *adds, executed, deleted)


def mold(*messages: bytes, session: bytes = b"000010059B", sequence: int = 1) -> bytes:
    """A MoldUDP64 packet of messages that have their lengths."""
    return session + struct.pack(">QH", sequence, len(messages)) + b"".join(messages)


def soup(stream: bytes = ITCH_50) -> bytes:
    login = b"A" + b"000010059B" + b"1".rjust(20)
    bodies, at = [], 0
    while at < len(stream):
        size = int.from_bytes(stream[at : at + 2], "big")
        bodies.append(b"S" + stream[at + 2 : at + 2 + size])
        at += 2 + size
    return frames(login, *bodies, b"H")


def ethernet(payload: bytes) -> bytes:
    udp = struct.pack(">HHHH", 1, 2, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0, 0) + udp
    return bytes(12) + b"\x08\x00" + ip


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def event_array() -> np.ndarray:
    array = np.zeros(20, EVENT_DTYPE)
    array["ev"] = EXCH | LOCAL | DEPTH | 1 << 29
    array["exch_ts"] = array["local_ts"] = 1_760_000_000_000_000_000 + np.arange(20)
    array["px"] = array["qty"] = 1.5
    return array


def pcap(*payloads: bytes, order: str = "<") -> bytes:
    packets = map(ethernet, payloads)
    head = struct.pack(f"{order}IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1)
    time = 1_760_000_000
    return head + b"".join(struct.pack(f"{order}IIII", time, 0, len(one), len(one)) + one for one in packets)


def pcapng(*payloads: bytes) -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        body = body.ljust(-(-len(body) // 4) * 4, b"\0")
        size = struct.pack("<I", 12 + len(body))
        return struct.pack("<I", kind) + size + body + size

    packets = (struct.pack("<IIIII", 0, 0, 0, len(one), len(one)) + one for one in map(ethernet, payloads))
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    return (
        block(0x0A0D0D0A, section) + block(1, struct.pack("<HHI", 1, 0, 0)) + b"".join(block(6, one) for one in packets)
    )


def zipped(**files: bytes) -> bytes:
    with zipfile.ZipFile(archive := io.BytesIO(), "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return archive.getvalue()


DEEP = b"\x01\x00\x04\x80" + bytes(36)
XDP = struct.pack("<HBBIII", 16, 11, 0, 1, 0, 0)
XDP_MESSAGES = [
    nyse.message_bytes("3", symbol_index=1, symbol="ZZT", price_scale_code=4, system_id=1),
    nyse.message_bytes("2", id=1, source_time=1_760_000_000),
    *(
        nyse.message_bytes("100", symbol_index=1, source_time_ns=number, order_id=number, price=100_000 + 100 * number,
                           volume=100, side="B")
        for number in range(1, 20)
    ),
]  # fmt: skip
XDP_ORDERS = struct.pack("<HBBIII", 16 + sum(map(len, XDP_MESSAGES)), 11, len(XDP_MESSAGES), 1, 0, 0) + b"".join(
    XDP_MESSAGES
)
XDP_OTHER = struct.pack("<HBBIII", 16 + 34, 11, 1, 1, 0, 0) + struct.pack("<HH", 34, 140) + bytes(30)
MITCH_MESSAGES = [
    mitch.message_bytes("0x52", instrument_id=1, sedol="ZZT", currency="GBX"),
    mitch.message_bytes("0x54", seconds=30_000),
    *(
        mitch.message_bytes("0x41", nanosecond=number, order_id=number, side="B", quantity=100, instrument_id=1,
                            price=10_000_000 * number)
        for number in range(1, 20)
    ),
]  # fmt: skip
MITCH_UNIT = struct.pack("<HBcI", 8 + sum(map(len, MITCH_MESSAGES)), len(MITCH_MESSAGES), b"A", 1) + b"".join(
    MITCH_MESSAGES
)
IEX_MESSAGES = b"".join(
    iex.message_bytes("a", side="8", timestamp=1_760_000_000_000_000_000 + number, symbol="ZZT", order_id=number,
                      size=100, price=100_000 + 100 * number)
    for number in range(1, 20)
)  # fmt: skip
IEX_SEGMENT = struct.pack("<BxHIIHHqqq", 1, 0x8005, 1, 1, len(IEX_MESSAGES), 19, 0, 1, 0) + IEX_MESSAGES
TOPS_15 = b"\x01\x00\x02\x80" + bytes(36)
MITCH_HEARTBEAT = struct.pack("<HBcI", 8, 0, b"A", 1)
BINANCE = b"".join(
    b'%d {"stream":"btcusdt@trade","data":{"e":"trade","E":%d,"T":%d,"s":"BTCUSDT","t":%d,"p":"1","q":"2","m":true}}\n'
    % (1_760_000_000_000_000_000 + number, 1_760_000_000_000, 1_760_000_000_000, number)
    for number in range(20)
)
KRAKEN = (
    b'1714000000.1: [1, {"as": [["2.0", "1.0", "1714000000.000001"]], "bs": [["1.0", "1.0", "1714000000.000001"]]}, '
    b'"book-10", "XBT/USD"]\n'
)
LOBSTER = b"34200.1,1,7,10,5853300,1\n34201.2,4,7,4,5853300,1\n34202.3,7,0,0,-1,-1\n"
LOBSTER_BOOK = b"5853400,10,5853300,10\n9999999999,0,5853300,6\n"
DATABENTO = (
    b"ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,price,size,order_id,flags,sequence\n"
    + b"".join(
        b"%d,%d,160,1,5002,A,B,4500250000000,3,%d,128,%d\n"
        % (1_760_000_000_000_000_000 + number, 1_760_000_000_000_000_000, number, number)
        for number in range(1, 20)
    )
)
_RANDOM = random.Random(11)

READABLE_FILES: dict[str, tuple[bytes, str]] = {
    "itch": (ITCH_50, "a file of TotalView-ITCH 5.0"),
    "binance": (BINANCE, "a capture of Binance's messages"),
    "kraken": (KRAKEN, "a capture of Kraken's messages"),
    "lobster": (LOBSTER, "a LOBSTER message file"),
    "dbn": (DATABENTO, "Databento's CSV"),
    "hftbacktest": (npy(event_array()), "hftbacktest's event array"),
    "nyse": (pcap(XDP, XDP_ORDERS), "a pcap capture of NYSE's Integrated Feed"),
    "iex": (pcap(IEX_SEGMENT), "a pcap capture of IEX's DEEP+"),
    "mitch": (pcap(MITCH_HEARTBEAT, MITCH_UNIT), "a pcap capture of LSE's MITCH"),
}
"""Format -> the content of a small file of it, and what it is recognised as."""

PACKETS: dict[str, tuple[bytes, str]] = {
    "soup": (soup(), "TotalView-ITCH 5.0 in SoupBinTCP packets"),
    "mold": (mold(*ITCH_MESSAGES), "TotalView-ITCH 5.0 in MoldUDP64 packets"),
    "mold-heartbeats": (mold() * 3 + mold(*ITCH_MESSAGES), "TotalView-ITCH 5.0 in MoldUDP64 packets"),
    "mold-blank-session": (mold(*ITCH_MESSAGES[:2], session=bytes(10)), "TotalView-ITCH 5.0 in MoldUDP64 packets"),
    "pcap-itch": (pcap(mold(*ITCH_MESSAGES)), "a pcap capture of TotalView-ITCH 5.0 in MoldUDP64 packets"),
    "pcapng-itch": (pcapng(mold(*ITCH_MESSAGES)), "a pcapng capture of TotalView-ITCH 5.0 in MoldUDP64 packets"),
}
"""Name -> the content of a file of ITCH in packets, and what it is recognised as."""

FRAMED_FEEDS: dict[str, tuple[bytes, str | None, str]] = {
    "pcapng-nyse": (pcapng(XDP_ORDERS), "nyse", "a pcapng capture of NYSE's Integrated Feed"),
    "pcapng-iex": (pcapng(IEX_SEGMENT), "iex", "a pcapng capture of IEX's DEEP+"),
    "pcap-tops-1.5": (pcap(TOPS_15, order=">"), None, "a pcap capture of IEX's TOPS 1.5"),
    "pcapng-mitch": (pcapng(MITCH_UNIT), "mitch", "a pcapng capture of LSE's MITCH"),
    "units": (MITCH_HEARTBEAT + MITCH_UNIT * 3, "mitch", "a file of the units of LSE's MITCH"),
    "units-cut": (MITCH_UNIT * 3 + MITCH_UNIT[:-1], "mitch", "a file of the units of LSE's MITCH"),
    "units-damaged": (MITCH_UNIT + b"\7\0" + MITCH_UNIT, None, ""),
    "pcap-xdp": (pcap(XDP), None, "a pcap capture of NYSE's XDP packets"),
    "pcap-other-xdp": (pcap(XDP, XDP_OTHER), None, "a pcap capture of NYSE's XDP packets"),
    "pcap-late": (pcap(b"hello", XDP, XDP_ORDERS), "nyse", "a pcap capture of NYSE's Integrated Feed"),
}
"""Name -> the content of a file of packets, the format that reads it, and what it is recognised as."""

FILES: dict[str, tuple[bytes, str]] = {
    "itch-4.1": (itch_4(b"ZZT     "), "TotalView-ITCH 4.1"),
    "itch-4.0": (itch_4(b"ZZT   "), "TotalView-ITCH 4.0"),
    "soup-4.1": (soup(itch_4(b"ZZT     ")), "TotalView-ITCH 4.1 in SoupBinTCP packets"),
    "unframed": (b"".join(one[2:] for one in ITCH_MESSAGES), "without the length before each message"),
    "little-endian": (frames(*(one[2:] for one in ITCH_MESSAGES), form="<H"), "lengths in little-endian order"),
    "pcap-unknown": (pcap(b"hello", order=">"), "a pcap capture"),
    "pcap-empty": (pcap(), "a pcap capture"),
    "pcapng-unknown": (pcapng(b"hello"), "a pcapng capture"),
    "zstd": (pa.Codec("zstd").compress(b"Nothing of any venue.\n" * 50, asbytes=True), "plain text packed with zstd"),
    "zstd-cut": (b"\x28\xb5\x2f\xfd" + bytes(100), "a file packed with zstd"),
    "numpy": (npy(np.zeros((9, 6))), "a NumPy array of another form than hftbacktest's events"),
    "parquet": (b"PAR1" + bytes(100) + b"PAR1", "a Parquet file"),
    "csv": (b"time,price\n1,2\n" * 500, "a CSV file that begins with 'time,price'"),
    "csv-controls": (b"ti\x1b]0;me,price\n1,2\n", r"a CSV file that begins with 'ti\x1b]0;me,price'"),
    "html": (b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "an HTML page"),
    "json": (b'{"channel":"book","type":"snapshot"}\n' * 3, "JSON with the fields 'channel, type'"),
    "coinbase": (b'1714000000000000000 {"type":"l2update"}\n' * 3, "of another venue than Binance"),
    "bare-binance": (BINANCE[20:], "messages of Binance without the time"),
    "lobster-book": (LOBSTER_BOOK, "a LOBSTER order book"),
    "letters": (b"A" * 20_000, "plain text"),
    "prose": (b"Nothing of any venue.\n" * 50, "plain text"),
    "zeros": (bytes(5000), "a file of zeros"),
    "empty": (b"", "an empty file"),
    "itch-in-zip": (zipped(day=ITCH_50), "a file of TotalView-ITCH 5.0 in a zip archive"),
    "random": (_RANDOM.randbytes(20_000), ""),
    "random-short": (_RANDOM.randbytes(3), ""),
}
"""Name -> the content of a file that no reader takes, and what it is recognised as; "" if it is not."""

FILES |= {
    f"{name}-gzip": (gzip.compress(content, mtime=0), "a zip archive" if name == "itch-in-zip" else what)
    for name, (content, what) in FILES.items()
}
