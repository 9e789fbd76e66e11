"""`codec`: decode and validate one full message, against json.loads alone."""

from __future__ import annotations

import json
import statistics
import timeit
from typing import Final

from hftlab.bench.result import Result
from hftlab.clock import Clock
from hftlab.protocol import JSON, MSGPACK
from hftlab.simulator import RandomWalk

__all__ = ["run"]

_MUST: Final = 3.5
_ROUNDS: Final = 15
_CALLS: Final = 1000


def run() -> Result:
    """Run the benchmark."""
    source = RandomWalk(7, clock=Clock(1_700_000_000_000_000_000, paused=True))
    (message,) = source.advance(source.next_time())
    text, packed = JSON.encode(message), MSGPACK.encode(message)
    work = {
        "json_loads": lambda: json.loads(text),
        "decode": lambda: JSON.decode(text),
        "decode_msgpack": lambda: MSGPACK.decode(packed),
        "encode": lambda: JSON.encode(message),
    }
    # Rounds alternate, so that a change of the machine's speed affects all alike.
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(_ROUNDS):
        for name, call in work.items():
            times[name].append(timeit.timeit(call, number=_CALLS) / _CALLS * 1e6)
    ratio = statistics.median(a / b for a, b in zip(times["json_loads"], times["decode"], strict=True))
    figures = {f"{name}_us": statistics.median(values) for name, values in times.items()}
    return Result("codec", ratio, _MUST, ratio >= _MUST, {**figures, "json_bytes": len(text)})
