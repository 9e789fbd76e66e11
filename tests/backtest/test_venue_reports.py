"""Reports on their way: each account hears of its updates in the order in which they happened."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.venue_reports import VenueReports
from hftlab.protocol.enums import UpdateType
from hftlab.trading.venue import VenueUpdate

HAPPENED = st.lists(st.tuples(st.sampled_from(["alice", "bob"]), st.integers(0, 5), st.integers(0, 9)), max_size=20)
"""Updates: whose each is, how long after the one before it happened, and its delay (ns)."""


def added(reports: VenueReports, account: str, at: int, delay: int, number: int = 1) -> VenueUpdate:
    """Add an update, and return it."""
    heard = reports.heard(account, at + delay)
    update = VenueUpdate(at=at, account=account, order_id=f"ORD_{number}", kind=UpdateType.NEW, reported=heard)
    reports.add(update)
    return update


@given(HAPPENED, st.integers(0, 60))
def test_what_is_due_is_taken_by_time_and_an_account_hears_everything_in_its_order(
    happened: list[tuple[str, int, int]], until: int
) -> None:
    reports, at = VenueReports(), 0
    updates = []
    for number, (account, later, delay) in enumerate(happened):
        at += later
        updates.append(added(reports, account, at, delay, number))
    for account in ("alice", "bob"):
        heard = [one.reported or 0 for one in updates if one.account == account]
        assert heard == sorted(heard)
    in_order = sorted(updates, key=lambda one: one.reported or 0)  # of one time, as they happened
    due = [one for one in in_order if (one.reported or 0) <= until]
    assert reports.due == (in_order[0].reported if in_order else None)
    assert reports.take(until) == due
    assert reports.due == (in_order[len(due)].reported if len(due) < len(in_order) else None)
    assert reports.take(100) == in_order[len(due) :]


def test_a_report_does_not_overtake_the_one_before() -> None:
    reports = VenueReports()
    assert [added(reports, "alice", at, delay).reported for at, delay in ((1, 10), (2, 3), (3, 20))] == [11, 11, 23]


def test_a_copy_shares_nothing_that_changes() -> None:
    reports = VenueReports()
    first = added(reports, "alice", 1, 10)
    copy = reports.copied()
    assert reports.take(11) == [first]
    added(reports, "alice", 30, 0)
    assert (copy.due, copy.heard("alice", 5)) == (11, 11)
    second = added(copy, "alice", 11, 0, 2)
    assert copy.take(11) == [first, second]
