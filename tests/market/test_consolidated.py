from __future__ import annotations

import pytest

from hftlab.market.consolidated import Consolidated, VenueBook, consolidate


class TestConsolidate:
    def test_takes_the_best_of_all_venues_and_adds_up_their_sizes(self) -> None:
        books = {
            "A": VenueBook([(9.0, 5.0), (8.0, 1.0)], [(10.5, 1.0)]),
            "B": VenueBook([(9.0, 2.0)], [(10.0, 4.0)]),
            "C": VenueBook([], [(11.0, 9.0)]),
        }
        assert consolidate(books) == Consolidated(9.0, 7.0, ("A", "B"), 10.0, 4.0, ("B",))

    def test_compares_what_prices_are_worth(self) -> None:
        books = {"A": VenueBook([(800.0, 1.0)], [], 0.0125), "B": VenueBook([(9.5, 1.0)], [])}
        assert consolidate(books).bid_venues == ("A",)

    def test_a_side_that_no_venue_has_is_empty(self) -> None:
        assert consolidate({"A": VenueBook([(9.0, 5.0)], [])})[3:] == (None, 0.0, ())
        assert consolidate({}) == Consolidated(None, 0.0, (), None, 0.0, ())


@pytest.mark.parametrize(
    ("bid", "ask", "state"),
    [(9.0, 10.0, "normal"), (10.0, 10.0, "locked"), (11.0, 10.0, "crossed"), (None, 10.0, "one-sided")],
)
def test_state(bid: float | None, ask: float | None, state: str) -> None:
    assert Consolidated(bid, 1.0, (), ask, 1.0, ()).state == state
