"""Orders, fills and positions as sequences, mappings and tables."""

from __future__ import annotations

import polars as pl
import pytest

from hftlab.trading.account_views import Fills, Orders, Positions, counted
from hftlab.trading.blotter import Blotter
from hftlab.trading.order_handle import OrderHandle
from tests.trading.updates import fill, new_order, order_update, position


@pytest.fixture
def blotter() -> Blotter:
    blotter = Blotter()
    blotter.track(new_order("a"), 5)
    for message in (order_update("b", sequence=1), fill("a", 2, 10.0, 10.0, 0.5), position(-3.0, sequence=3)):
        blotter.receive(message)
    return blotter


class TestOrders:
    def test_it_is_a_sequence_that_knows_ids(self, blotter: Blotter) -> None:
        orders = Orders(blotter, OrderHandle)
        assert [order.client_order_id for order in orders] == ["a", "b"]
        assert orders[-1] == orders["b"] == orders[1:][0]
        assert (orders[0] in orders, "a" in orders, "x" in orders) == (True, True, False)
        with pytest.raises(KeyError, match="no order has the client order id 'x'"):
            orders["x"]
        with pytest.raises(IndexError):
            orders[2]

    def test_it_is_live(self, blotter: Blotter) -> None:
        orders = Orders(blotter, OrderHandle)
        blotter.receive(order_update("c", sequence=4))
        assert len(orders) == 3

    def test_open_orders_alone(self, blotter: Blotter) -> None:
        orders = Orders(blotter, OrderHandle, only_open=True)
        assert [order.client_order_id for order in orders] == ["b"]
        assert ("a" in orders, "b" in orders) == (False, True)
        with pytest.raises(KeyError, match="no open order has"):
            orders["a"]
        assert "1 open order" in orders._repr_html_()

    def test_without_orders_there_is_only_the_count(self) -> None:
        shown = Orders(Blotter(), OrderHandle, only_open=True)._repr_html_()
        assert "0 open orders" in shown
        assert "average price" not in shown

    def test_a_table(self, blotter: Blotter) -> None:
        frame = Orders(blotter, OrderHandle).to_polars()
        assert frame["status"].to_list() == ["FILLED", "NEW"]
        assert frame["commission"].to_list() == [0.5, None]
        assert frame["created"].to_list() == [5, 1_000_000]
        assert frame.schema == Orders(Blotter(), OrderHandle).to_polars().schema
        assert frame.schema["quantity"] == pl.Float64
        assert frame.schema["updated"] == pl.Int64

    def test_it_shows_itself_and_only_the_newest_rows(self, blotter: Blotter) -> None:
        orders = Orders(blotter, OrderHandle)
        assert repr(orders).startswith("<2 orders>\n  <order a:")
        for number in range(60):
            blotter.receive(order_update(f"n{number}", sequence=10 + number))
        assert "... 12 earlier ones" in repr(orders)
        shown = orders._repr_html_()
        assert "62 orders, the newest 50" in shown
        assert ("<td>n9</td>" in shown, "<td>n10</td>" in shown) == (False, True)


class TestFills:
    def test_it_is_a_sequence_and_a_table(self, blotter: Blotter) -> None:
        fills = Fills(blotter)
        assert (len(fills), fills[0].quantity, fills[-1:]) == (1, 10.0, list(fills))
        assert repr(fills) == "<1 fill>\n  BUY 10 AAPL at 100"
        assert "1 fill" in fills._repr_html_()
        frame = fills.to_polars()
        assert frame.row(0) == (2_000_000, "a", "ORD_a", "AAPL", "BUY", 100.0, 10.0, 0.5)
        assert frame.schema == Fills(Blotter()).to_polars().schema


class TestPositions:
    def test_a_symbol_without_a_position_is_flat(self, blotter: Blotter) -> None:
        positions = Positions(blotter, lambda: ["AAPL", "MSFT"])
        assert (positions["AAPL"].quantity, positions["MSFT"].quantity, positions["MSFT"].side) == (-3.0, 0.0, "FLAT")
        assert (list(positions), len(positions), "MSFT" in positions) == (["AAPL"], 1, False)

    def test_a_symbol_that_the_server_does_not_have_is_an_error(self, blotter: Blotter) -> None:
        with pytest.raises(KeyError, match=r"does not have 'APPL' \(nearest: 'AAPL'\)"):
            Positions(blotter, lambda: ["AAPL", "MSFT"])["APPL"]
        assert Positions(blotter, list)["APPL"].quantity == 0.0

    def test_a_table(self, blotter: Blotter) -> None:
        positions = Positions(blotter, list)
        frame = positions.to_polars()
        assert frame.select("symbol", "side", "quantity", "time").row(0) == ("AAPL", "SHORT", -3.0, 3_000_000)
        assert frame.schema == Positions(Blotter(), list).to_polars().schema
        assert repr(positions) == "<1 position>\n  AAPL -3"
        assert "-303.00" in positions._repr_html_()


def test_one_of_a_kind_has_no_plural() -> None:
    assert [counted(number, "fill") for number in (0, 1, 1234)] == ["0 fills", "1 fill", "1,234 fills"]
