from __future__ import annotations

import pytest

from hftlab.protocol.messages import ReplayState, ReplayStatus
from hftlab.widgets.core.paper import is_paper
from tests.widgets.market import NOON, Market


@pytest.mark.parametrize(
    ("order_time", "end", "expected"), [(None, 9.0, False), (NOON, 9.0, True), (NOON, None, False)]
)
def test_a_replay_says_whether_it_takes_orders(order_time, end, expected):
    """What has no end is an exchange that is stepped: orders stand in its books."""
    market = Market()
    assert not is_paper(market)
    market.replay.status = ReplayStatus(
        timestamp=1.0, state=ReplayState.PAUSED, position=0.0, end=end, order_time=order_time
    )
    assert is_paper(market) is expected
