"""The table of a summary has every measure, in text and in HTML."""

from __future__ import annotations

import re

from hftlab.instruments import Instrument, find_instrument
from tests.backtest.made_run import fill, made_result, order, quote, random_run


def lines_of(text: str) -> dict[str, list[str]]:
    """First cell of each line -> the others."""
    cells = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()[1:]]
    return {name: rest for name, *rest in cells}


def test_one_symbol_has_one_column() -> None:
    result = made_result(
        [order("a", "BUY", 100.0, 10, 1), order("b", "SELL", 100.0, 10, 1, filled=0)],
        [fill("a", "BUY", 100.0, 10, 2)],
        [quote(1, 99.0, 101.0), quote(3, 98.0, 100.0)],
    )
    text = str(result.summary())
    title, head, *_ = text.splitlines()
    assert title == "makers:Quoter on day, 2026-01-02 14:30:00 to 2026-01-02 14:31:00 UTC"
    assert head.split() == ["AAPL"]
    lines = lines_of(text)
    assert lines["PnL after fees, USD"] == ["-9.95"]
    assert lines["max drawdown"] == ["10.00 (0.1 %)"]
    assert (lines["from"], lines["to"]) == (["2026-01-02 14:30:02.000"], ["2026-01-02 14:30:03.000"])
    assert lines["fill ratio, orders"] == ["50 %"]
    assert lines["maker / taker"] == ["100 % / 0 %"]
    assert lines["markout 100 ms"] == ["+0 (+0.00 bps)"]
    assert lines["markout 1 s"] == ["-1 (-100.00 bps)"]


def test_several_symbols_have_columns_behind_the_total() -> None:
    summary = made_result(**random_run(7)).summary()
    text = str(summary)
    assert text.splitlines()[1].split() == ["total", *sorted(("AAPL", "VOD"), key=lambda one: -summary[one].turnover)]
    lines = lines_of(text)
    assert lines["orders"][0] == "40"
    assert lines["volume"][0] == "–"
    assert "auction" in lines["maker / taker"][0]
    assert len({len(line) for line in text.splitlines()[1:] if line.startswith(("orders", "fills", "turnover"))}) == 1


def test_the_html_has_the_same_cells() -> None:
    summary = made_result(**random_run(7)).summary()
    html = summary._repr_html_()
    cells = re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", html)
    for name, rest in lines_of(str(summary)).items():
        if name != "total":
            place = cells.index(name)
            assert cells[place : place + 1 + len(rest)] == [name, *rest]
    assert "color:" not in html  # the page's own, light or dark


def test_nothing_traded_is_a_table_of_the_total() -> None:
    lines = lines_of(str(made_result().summary()))
    assert lines["max drawdown"] == ["–"]
    assert lines["fills"] == ["0"]


def test_many_symbols_are_those_with_the_largest_turnover() -> None:
    names = [f"S{number:02}" for number in range(12)]
    apple = find_instrument("AAPL")
    assert apple is not None
    listed = [Instrument(name, apple.venue, apple.tick, apple.lot, "USD") for name in names]
    result = made_result(
        [order(name, "BUY", 10.0, place + 1, 1, symbol=name) for place, name in enumerate(names)],
        [fill(name, "BUY", 10.0, place + 1, 2, symbol=name) for place, name in enumerate(names)],
        instruments=listed,
    )
    assert str(result.summary()).splitlines()[1].split() == ["total", *reversed(names[4:])]


def test_a_small_horizon_is_named_in_its_unit() -> None:
    text = str(made_result(**random_run(7)).summary(["50us", "20ns"]))
    assert "markout 50 us" in text
    assert "markout 20 ns" in text
