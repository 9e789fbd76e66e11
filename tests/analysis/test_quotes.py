from __future__ import annotations

import datetime

import pytest

from hftlab import analysis
from hftlab.clock import from_milliseconds
from hftlab.session import Session
from tests.session.sessions import Received


def test_quotes_against_a_loop_over_the_messages(session: Session, received: list[Received]) -> None:
    """Every row with both sides has a mid, spread, microprice and imbalance; others have no row."""
    rows = analysis.quotes(session.market_data).collect().to_dicts()
    expected = []
    for at, message in received:
        for one in message.symbols:
            if one.bid <= 0 or one.ask <= 0:
                continue
            mid, both = (one.bid + one.ask) / 2, one.bid_size + one.ask_size
            micro, imbalance = mid, 0.0
            if both:
                micro = one.bid + (one.ask - one.bid) * (one.bid_size / both)
                imbalance = (one.bid_size - one.ask_size) / both
            row = {"ts_event": from_milliseconds(one.timestamp), "ts_recv": at, "symbol": one.symbol}
            row |= {"bid": one.bid, "ask": one.ask, "bid_size": one.bid_size, "ask_size": one.ask_size, "mid": mid}
            row |= {"spread": one.ask - one.bid, "spread_bps": (one.ask - one.bid) / mid * 10_000}
            expected.append(row | {"microprice": micro, "imbalance": imbalance})
    assert 100 < len(expected) < session.manifest.rows("market_data")
    assert list(rows[0]) == list(expected[0])
    for row, other in zip(rows, expected, strict=True):
        for name, value in other.items():
            assert row[name] == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value), name


def test_the_microprice_leans_to_the_thinner_side(session: Session) -> None:
    """The microprice stays within the spread, the imbalance between -1 and 1."""
    for row in analysis.quotes(session.market_data).collect().to_dicts():
        assert row["bid"] - 1e-9 <= row["microprice"] <= row["ask"] + 1e-9
        assert -1 <= row["imbalance"] <= 1
        assert (row["microprice"] - row["mid"]) * row["imbalance"] >= 0


class TestMidFigure:
    def test_each_line_is_the_change_since_its_first_mid_in_basis_points(self, session: Session) -> None:
        quotes = analysis.quotes(session.market_data)
        figure = analysis.mid_figure(quotes)
        frame = quotes.collect()
        assert {line.name for line in figure.data} == {"A", "B", "C"}
        for line in figure.data:
            own = [row for row in frame.to_dicts() if row["symbol"] == line.name]
            assert list(line.y) == pytest.approx([(row["mid"] / own[0]["mid"] - 1) * 10_000 for row in own], abs=1e-6)
            start = datetime.datetime.fromtimestamp(own[0]["ts_event"] // 1_000_000_000, datetime.UTC)
            assert line.x[0].replace(microsecond=0) == start.replace(tzinfo=None)

    def test_symbols_can_be_chosen_and_those_without_quotes_are_left_out(self, session: Session) -> None:
        figure = analysis.mid_figure(analysis.quotes(session.market_data), ["B", "ABSENT"])
        assert [line.name for line in figure.data] == ["B"]

    def test_no_line_has_more_points_than_asked_for(self, session: Session) -> None:
        """The size of a figure does not grow with the recording."""
        quotes = analysis.quotes(session.market_data)
        for points in (1, 7, 50):
            figure = analysis.mid_figure(quotes, points=points)
            assert all(1 <= len(line.x) <= points for line in figure.data)

    def test_a_session_without_quotes_has_an_empty_figure(self, session: Session) -> None:
        assert len(analysis.mid_figure(analysis.quotes(session.market_data.clear())).data) == 0
