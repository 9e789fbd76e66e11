"""`itch`: decode a generated ITCH file into order-level books with queues, against a C++ book without, in one run."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.bench.itch_flow import MIX, SYMBOLS, order_flow
from hftlab.bench.result import Result
from hftlab.book import BookSet
from hftlab.errors import HftlabError
from hftlab.venues import itch

__all__ = ["run"]

_MUST: Final = 1 / 1.6
_MESSAGES: Final = 2_000_000
_LIVE: Final = 40_000
_SEED: Final = 7
_TURNS: Final = 8
_ROUNDS: Final = 3  # of each in a turn: the best of more rounds would be better

Tops = dict[str, list[Any]]


def run() -> Result:
    """Alternate turns of both, and take the best processor time of each: other processes only add to it.

    Raises HftlabError without the compiler of the peer: a time of another machine would say nothing about this one.
    """
    if shutil.which("g++") is None:
        raise HftlabError(
            "the benchmark compares with a C++ program that it compiles, and g++ is not here: install it "
            "(Debian: apt install g++; macOS: xcode-select --install)"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated.itch"
        itch.write(path, order_flow(_MESSAGES, _LIVE, _SEED))
        data = np.fromfile(path, np.uint8)
        peer = _compiled(Path(folder))
        _decode_and_apply(data)
        ours, decode, theirs = [], [], []
        for _ in range(_TURNS):
            decode.append(_decode(data))
            for _ in range(_ROUNDS):
                nanoseconds, tops = _decode_and_apply(data)
                ours.append(nanoseconds)
            theirs += _run_peer(peer, path, tops)
    ratio = min(theirs) / min(ours)
    figures: dict[str, Any] = {
        "ns_per_message": min(ours),
        "of_which_decoding": min(decode),
        "peer_ns_per_message": min(theirs),
        "messages": _MESSAGES,
        "bytes": len(data),
        "books_agree_with_the_peers": True,  # or _run_peer() had raised
        "mix": ", ".join(f"{name} {share:.1%}" for name, share in MIX.items()),
    }
    return Result("itch", ratio, _MUST, ratio >= _MUST, figures)


def _decode_and_apply(data: npt.NDArray[np.uint8]) -> tuple[float, Tops]:
    """Return ns per message, and the best bid and offer of every symbol at the end as the peer writes them."""
    decoder, books = itch.Decoder(), BookSet()
    start = time.process_time_ns()
    for batch in decoder.feed(data, len(data)):
        books.apply(batch)
    books.apply(decoder.flush())
    taken = time.process_time_ns() - start
    tops = {symbol: [_level(level) for level in books[symbol].best()] for symbol in SYMBOLS}
    return taken / decoder.stats.messages.total(), tops


def _decode(data: npt.NDArray[np.uint8]) -> float:
    decoder = itch.Decoder()
    start = time.process_time_ns()
    for _ in decoder.feed(data, len(data)):
        pass
    return (time.process_time_ns() - start) / decoder.stats.messages.total()


def _level(level: tuple[float, float, int] | None) -> list[int] | None:
    return None if level is None else [round(level[0] * 10_000), round(level[1]), level[2]]


def _compiled(folder: Path) -> Path:
    program, source = folder / "itch_peer", Path(__file__).with_name("itch_peer.cpp")
    subprocess.run(["g++", "-O3", "-march=native", "-std=c++17", "-o", program, source], check=True)
    return program


def _run_peer(program: Path, path: Path, tops: Tops) -> list[float]:
    said = subprocess.run([program, path, str(_ROUNDS)], check=True, capture_output=True)
    answer = json.loads(said.stdout)
    if answer["tops"] != tops:
        raise HftlabError(f"the books differ at the end: ours {tops}, the peer's {answer['tops']}")
    nanoseconds: list[float] = answer["ns"]
    return nanoseconds
