"""Latencies, fees and parameters of a backtest as text."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.backtest import FillModel, Latency
from hftlab.cli.backtest_options import commission_of, fill_of, latency_of, parameters_of
from hftlab.errors import ArgumentError, HftlabError
from hftlab.trading import Commission


@pytest.mark.parametrize(
    ("text", "latency"),
    [
        (None, None),
        ("5ms", Latency(feed="5ms", entry="5ms", response="5ms")),
        ("0", Latency()),
        ("feed=1ms, entry=250us", Latency(feed="1ms", entry="250us")),
        ("response=2ms,compute=50us", Latency(response="2ms", compute="50us")),
    ],
)
def test_latencies(text: str | None, latency: Latency | None) -> None:
    assert latency_of(text) == latency


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("soon", "--latency: .*'soon'.* text such as '250us'"),
        ("entr=1ms", r"--latency: there is no 'entr' \(nearest: 'entry'\): give some of feed, entry, response, comp"),
        ("feed=1ms,5ms", "'5ms' is not of the form name=value"),
        ("feed=", "'feed=' is not of the form name=value"),
    ],
)
def test_a_wrong_latency_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(HftlabError, match=said):
        latency_of(text)


def test_fees() -> None:
    assert commission_of(None) is None
    assert commission_of("None") == Commission()
    assert commission_of("maker_bps=-0.5,taker_bps=1.25,currency=USD") == Commission(
        maker_bps=-0.5, taker_bps=1.25, currency="USD"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("maker=1", r"--fees: there is no 'maker' \(nearest: 'maker_bps'\)"),
        ("maker_bps=few", "--fees 'maker_bps=few': could not convert string to float: 'few'"),
        ("minimum=-1", "--fees 'minimum=-1': minimum is -1.0: it must be at least 0"),
    ],
)
def test_wrong_fees_are_a_sentence(text: str, said: str) -> None:
    with pytest.raises(HftlabError, match=said):
        commission_of(text)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("a=5", 5),
        ("a=0.5", 0.5),
        ("a=true", True),
        ("a=[1, 2]", [1, 2]),
        ("a=AAPL", "AAPL"),
        ("a=", ""),
        ("a=x=1", "x=1"),
    ],
)
def test_parameters_are_json_or_text(given: str, value: Any) -> None:
    assert parameters_of([given]) == {"a": value}


@pytest.mark.parametrize("given", ["size", "=5", "my size=5"])
def test_a_wrong_parameter_is_a_sentence(given: str) -> None:
    with pytest.raises(HftlabError, match="give its name and value, such as --param size=100"):
        parameters_of([given])


def test_fill_models() -> None:
    assert fill_of(None, impact=False) is None
    assert fill_of("power(3)", impact=False) == "power(3)"
    assert fill_of(None, impact=True) == FillModel("fifo", impact=True)
    with pytest.raises(ArgumentError, match="impact=True is for 'fifo' alone"):
        fill_of("power(3)", impact=True)
