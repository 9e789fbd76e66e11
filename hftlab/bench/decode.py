"""`decode`: venues' binary formats read into EventBatches, against itchfeed; packet captures, against dpkt.

A generated order flow is written in every format, in packets of a few messages, and each file is read whole by the
reader that users call, from opening it on. itchfeed reads the plain ITCH file into its message objects, dpkt the
capture of it into datagrams. Each format must have at least 20 times itchfeed's messages a second, and packet captures
alone 1 GB/s; the ratio is the least of these figures over what it must be. Of each, the best processor time of several
rounds in turn counts: other processes only add to it.
"""

from __future__ import annotations

import importlib.metadata
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

from hftlab.bench.iex_flow import write_deep_plus
from hftlab.bench.itch_flow import SYMBOLS, order_flow
from hftlab.bench.result import Result
from hftlab.errors import HftlabError
from hftlab.events import COLUMNS, F_LAST, EventBatch
from hftlab.instruments import LSE, NYSE, UNIT, Instrument, Venue
from hftlab.venues import iex, itch, mitch, nyse, pcap

__all__ = ["run"]

_MUST: Final = 1.0
_TIMES: Final = 20
_GIGABYTES: Final = 1.0
_MESSAGES: Final = 500_000
_PEERS_MESSAGES: Final = 100_000
_LIVE: Final = 20_000
_BURST: Final = 6
"""Mean number of messages that are received at one time, and so share a packet."""
_SEED: Final = 7
_ROUNDS: Final = 7

_Count = Callable[[Path], int]


def run() -> Result:
    """Write the files, and read each in turn. Raises HftlabError without the peers."""
    parse_itch, parse_packets = _itchfeed(), _dpkt()
    with tempfile.TemporaryDirectory() as name:
        files = _write(Path(name))
        work: dict[str, tuple[Path, _Count]] = {
            "pcap": (files["itch.pcap"], _datagrams),
            "itch": (files["itch"], _reading(itch.read)),
            "itch_in_pcap": (files["itch.pcap"], _reading(itch.read)),
            "nyse": (files["nyse.pcap"], _reading(nyse.read)),
            "mitch": (files["mitch.pcap"], _reading(mitch.read)),
            "iex": (files["iex.pcap"], _reading(iex.read)),
            "itchfeed": (files["peers.itch"], parse_itch),
            "dpkt": (files["peers.pcap"], parse_packets),
        }
        best, counts = dict.fromkeys(work, float("inf")), dict.fromkeys(work, 0)
        for _ in range(_ROUNDS):
            for name, (path, count) in work.items():
                start = time.process_time()
                counts[name] = count(path)
                best[name] = min(best[name], time.process_time() - start)
        sizes = {name: path.stat().st_size for name, (path, _) in work.items()}
        expected = {"itchfeed": _reading(itch.read)(files["peers.itch"]), "dpkt": _datagrams(files["peers.pcap"])}
    for name, wanted in expected.items():
        if counts[name] != wanted:
            raise HftlabError(f"{name} has read {counts[name]:,} of the file, and hftlab {wanted:,}")
    rates = {name: counts[name] / best[name] for name in work}
    gigabytes = {name: sizes[name] / best[name] / 1e9 for name in work}
    decoded = [name for name in work if name not in ("pcap", "itchfeed", "dpkt")]
    ratios = {name: rates[name] / (_TIMES * rates["itchfeed"]) for name in decoded}
    ratios["pcap"] = gigabytes["pcap"] / _GIGABYTES
    ratio = min(ratios.values())
    rows = [
        {
            "format": name,
            "messages_per_s": None if name in ("pcap", "dpkt") else rates[name],
            "packets_per_s": rates[name] if name in ("pcap", "dpkt") else None,
            "gb_per_s": gigabytes[name],
            "times_itchfeed": rates[name] / rates["itchfeed"] if name in decoded else None,
        }
        for name in work
    ]
    figures: dict[str, Any] = {
        "formats": rows,
        "pcap_times_dpkt": rates["pcap"] / rates["dpkt"],
        "messages": _MESSAGES,
        "packets": counts["pcap"],
        "itchfeed_version": importlib.metadata.version("itchfeed"),
        "dpkt_version": importlib.metadata.version("dpkt"),
    }
    return Result("decode", ratio, _MUST, ratio >= _MUST, figures)


def _write(folder: Path) -> dict[str, Path]:
    """Write one order flow in every format, and the beginning of it for the peers, which take long."""
    flow = _in_bursts(order_flow(_MESSAGES, _LIVE, _SEED))
    short = _in_bursts(order_flow(_PEERS_MESSAGES, _LIVE, _SEED))
    writers: dict[str, Callable[[Path], object]] = {
        "itch": lambda path: itch.write(path, flow),
        "itch.pcap": lambda path: itch.write(path, flow),
        "nyse.pcap": lambda path: nyse.write(path, _listed(flow, NYSE)),
        "mitch.pcap": lambda path: mitch.write(path, _listed(flow, LSE)),
        "iex.pcap": lambda path: write_deep_plus(path, flow),
        "peers.itch": lambda path: itch.write(path, short),
        "peers.pcap": lambda path: itch.write(path, short),
    }
    for name, write in writers.items():
        write(folder / name)
    return {name: folder / name for name in writers}


def _in_bursts(flow: EventBatch) -> EventBatch:
    """Let events be received in bursts, at the time of the last one of each."""
    ends = np.flatnonzero(flow.flags & F_LAST)
    chosen = np.random.default_rng(_SEED).random(len(ends)) < 1 / _BURST
    chosen[-1] = True
    last = ends[chosen]
    received = flow.ts_event[last[np.searchsorted(last, np.arange(len(flow)))]]
    columns = {name: getattr(flow, name) for name in COLUMNS} | {"ts_recv": received}
    return EventBatch(**columns, instruments=flow.instruments)


def _listed(flow: EventBatch, venue: Venue) -> EventBatch:
    """Return the same events of stocks that are listed at another venue."""
    columns = {name: getattr(flow, name) for name in COLUMNS}
    stocks = tuple(Instrument(symbol, venue, UNIT // 10_000, UNIT, venue.currency) for symbol in SYMBOLS)
    return EventBatch(**columns, instruments=stocks)


def _reading(read: Callable[[Path], Any]) -> _Count:
    """Return a function that reads a file into EventBatches and counts its messages."""

    def count(path: Path) -> int:
        reader = read(path)
        for _ in reader:
            pass
        total: int = reader.stats.messages.total()
        return total

    return count


def _datagrams(path: Path) -> int:
    return sum(map(len, pcap.read(path)))


def _itchfeed() -> _Count:
    try:
        from itch.parser import MessageParser
    except ImportError as error:
        raise _missing("itchfeed", "1.6") from error

    def count(path: Path) -> int:
        with path.open("rb") as file:
            return _length(MessageParser().parse_file(file))

    return count


def _dpkt() -> _Count:
    try:
        import dpkt
    except ImportError as error:
        raise _missing("dpkt", "1.9.8") from error

    def count(path: Path) -> int:
        with path.open("rb") as file:
            return _length(dpkt.ethernet.Ethernet(frame).data.data.data for _, frame in dpkt.pcap.Reader(file))

    return count


def _length(items: Iterable[object]) -> int:
    return sum(1 for _ in items)


def _missing(package: str, version: str) -> HftlabError:
    return HftlabError(
        f"the benchmark compares with {package}, which is not installed: pip install '{package}>={version}'"
    )
