"""Identity of values: the same in another process, and another one for another value."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from hftlab.backtest import FillModel, Latency, Lognormal, Recorded
from hftlab.protocol.enums import SelfTradePrevention
from hftlab.sweeps.value_identity import value_identity
from hftlab.trading import Commission
from hftlab.trading.account import AccountTerms
from tests.command import environment

PAIRS: list[tuple[Any, Any]] = [
    (1, 2),
    (1, "1"),
    (1.0, 1.5),
    (None, False),
    ([1, 2], [2, 1]),
    ({"a", "b"}, {"a", "c"}),
    ({"a"}, frozenset({"a"})),
    (np.timedelta64(5, "ns"), 5),
    (np.timedelta64(5, "ns"), np.datetime64(5, "ns")),
    ((1,), [1]),
    ({"a": 1}, {"a": 2}),
    (lambda x: x + 1, lambda x: x + 2),
    (lambda x, by=1: x * by, lambda x, by=2: x * by),
    (np.arange(5000), np.arange(5000)[::-1]),
    (Latency(entry="5ms"), Latency(entry="5ms", seed=1)),
    (Latency(entry=Lognormal("5ms", sigma=1)), Latency(entry=Lognormal("5ms", sigma=2))),
    (Recorded([1, 2], [3, 4]), Recorded([1, 2], [3, 5])),
    (FillModel("power", 2), FillModel("power", 3)),
    (Commission(taker_bps=1), Commission(taker_bps=2)),
    (AccountTerms(cash=1), AccountTerms(cash=1, commissions=None)),
    (SelfTradePrevention.CANCEL_NEWEST, SelfTradePrevention.CANCEL_OLDEST),
    (Decimal(1), Decimal(2)),
    (timedelta(1), timedelta(2)),
    (functools.partial(int, base=2), functools.partial(int, base=3)),
    (Commission, FillModel),
]


@pytest.mark.parametrize("place", range(len(PAIRS)))
def test_differs_for_other_values(place: int) -> None:
    one, other = (json.dumps(value_identity(value)) for value in PAIRS[place])
    assert one != other


def test_is_the_same_in_another_process() -> None:
    code = (
        "import json; from tests.sweeps.test_value_identity import PAIRS\n"
        "from hftlab.sweeps.value_identity import value_identity\n"
        "print(json.dumps([[value_identity(value) for value in pair] for pair in PAIRS]))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment(PYTHONHASHSEED="7"), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == json.loads(json.dumps([[value_identity(one) for one in pair] for pair in PAIRS]))
