"""Arguments that are one symbol."""

from __future__ import annotations

import pytest

from hftlab.errors import HftlabError
from hftlab.protocol.symbol_argument import symbol_name


def test_one_symbol_is_not_a_list() -> None:
    assert symbol_name("AAPL", "client.ladder()") == "AAPL"
    with pytest.raises(
        TypeError, match=r"client\.ladder\(\) takes one symbol, such as 'TSLA'; got \['TSLA'\]"
    ) as caught:
        symbol_name(["TSLA"], "client.ladder()")
    assert isinstance(caught.value, HftlabError)
    assert caught.value.instead == {("TSLA",): "'TSLA'"}
