from __future__ import annotations

import pytest

from hftlab.widgets import Ladder
from hftlab.widgets.core.setting import Setting
from tests.widgets.market import Market, bitcoin


def test_it_is_the_views(still_loop):
    ladder = Ladder(Market({"BTC-USD": bitcoin(), "X": bitcoin()}), "BTC-USD", refresh_loop=still_loop)
    ladder.symbol, ladder.depth = "X", 3
    view = ladder.views[""]
    assert (view.settings["symbol"], view.settings["depth"]) == (ladder.symbol, ladder.depth) == ("X", 3)
    with pytest.raises(ValueError, match="depth must be"):
        ladder.depth = 0
    assert isinstance(Ladder.symbol, Setting)
    ladder.close()
