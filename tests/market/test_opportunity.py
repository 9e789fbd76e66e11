from __future__ import annotations

from hftlab.market.consolidated import VenueBook
from hftlab.market.costs import Fee
from hftlab.market.opportunity import Edge, Opportunity, executable_edge
from hftlab.protocol import ArbitrageState

FREE = Fee()


class TestEdge:
    def test_goes_level_by_level_while_there_is_a_gain(self) -> None:
        buy = VenueBook([], [(10.0, 5.0), (10.5, 5.0), (12.0, 5.0)])
        sell = VenueBook([(11.0, 7.0), (10.2, 9.0)], [])
        assert executable_edge(buy, FREE, sell, FREE) == Edge(10.0, 11.0, 7.0, 6.0)

    def test_fees_can_take_all_of_it(self) -> None:
        buy, sell = VenueBook([], [(10.0, 5.0)]), VenueBook([(10.1, 5.0)], [])
        assert executable_edge(buy, Fee(per_unit=0.05), sell, Fee(per_unit=0.05)).size == 0

    def test_of_an_empty_side_is_nothing(self) -> None:
        assert executable_edge(VenueBook([], []), FREE, VenueBook([(10.0, 1.0)], []), FREE) == Edge(0.0, 10.0, 0.0, 0.0)


class TestMessage:
    def test_has_a_closing_time_only_when_it_is_closed(self) -> None:
        opened = Opportunity("X", "A", "B", ArbitrageState.OPEN, 5_000_000, 5_000_000, 10, 11, 1, 1, 1, "USD")
        closed = Opportunity("X", "A", "B", ArbitrageState.CLOSE, 8_000_000, 5_000_000, 10, 10, 0, 0, 1, "USD")
        assert (opened.to_message().opened, opened.to_message().closed) == (5.0, None)
        assert (closed.to_message().opened, closed.to_message().closed) == (5.0, 8.0)
        assert closed.lifetime == 3_000_000
