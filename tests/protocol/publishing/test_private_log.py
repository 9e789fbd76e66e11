from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import Gap, PortfolioUpdate
from hftlab.protocol.publishing.private_log import PrivateLog

UPDATE = PortfolioUpdate(
    timestamp=1.0,
    total_value=0,
    cash=0,
    market_value=0,
    buying_power=0,
    unrealized_pnl=0,
    realized_pnl=0,
    day_pnl=0,
)


def filled(messages: int, size: int = 5) -> PrivateLog:
    log = PrivateLog("now", size)
    for _ in range(messages):
        log.add(UPDATE)
    return log


@given(st.integers(0, 20), st.integers(0, 25), st.sampled_from(["now", "before", None]))
def test_seen_missed_and_told_lost_are_all_there_is(messages: int, seen: int, session: str | None) -> None:
    """Whatever a client has seen, what it is sent begins right after it, or a GAP says what lies between."""
    missed = filled(messages).since(session, seen)
    known = seen if session == "now" else 0
    if missed and isinstance(missed[0], Gap):
        gap = missed.pop(0)
        assert (gap.from_sequence, gap.to_sequence) == (known + 1, messages - 5)
        known = gap.to_sequence
    assert [message.sequence for message in missed] == list(range(known + 1, messages + 1))
    assert {message.channel for message in missed} <= {0}


def test_the_message_itself_is_not_changed() -> None:
    filled(1)
    assert UPDATE.sequence is None


@given(st.integers(0, 20), st.integers(0, 25), st.sampled_from(["now", "before", None]))
def test_it_can_resume_where_nothing_has_to_be_told_as_lost(messages: int, seen: int, session: str | None) -> None:
    log = filled(messages)
    is_whole = session == "now" and not any(isinstance(one, Gap) for one in log.since(session, seen))
    assert log.can_resume(session, seen) == is_whole
    assert log.can_resume(session, None)


@given(st.integers(0, 20), st.integers(0, 25), st.integers(0, 30))
def test_what_a_log_elsewhere_has_more_is_a_gap(messages: int, newest: int, seen: int) -> None:
    log = filled(messages)
    assert log.move_to(newest) == (newest != messages)
    missed = log.since("now", seen)
    if newest != messages:
        assert [(one.from_sequence, one.to_sequence) for one in missed if isinstance(one, Gap)] == (
            [(seen + 1, newest)] if seen < newest else []
        )
        assert len(missed) == (seen < newest)
    assert log.add(UPDATE).sequence == newest + 1


class TestWithdrawal:
    def log(self, *times: int, size: int = 5) -> PrivateLog:
        log = PrivateLog("now", size)
        for at in times:
            log.add(UPDATE, at)
        return log

    def test_a_gap_takes_the_place_of_what_holds_no_more(self) -> None:
        log = self.log(10, 20, 20, 30)
        gap = log.withdraw(15)
        assert gap is not None
        assert (gap.withdrawn, gap.from_sequence, gap.to_sequence, gap.sequence) == (True, 2, 4, 5)
        assert [one.sequence for one in log.since("now", 0)] == [1, 5]
        assert [one.sequence for one in log.since("now", 3)] == [5]
        assert log.add(UPDATE, 16).sequence == 6

    def test_without_later_messages_there_is_none(self) -> None:
        log = self.log(10, 20)
        assert log.withdraw(20) is None
        assert log.sequence == 2
        assert PrivateLog("now").withdraw(0) is None

    def test_one_of_an_earlier_gap_reaches_as_far_back(self) -> None:
        log = self.log(10, 20, 30)
        log.withdraw(15)
        log.add(UPDATE, 18)
        gap = log.withdraw(12)
        assert gap is not None
        assert (gap.from_sequence, gap.to_sequence) == (2, 5)
        assert [one.sequence for one in log.since("now", 0)] == [1, 6]

    def test_a_log_that_does_not_reach_back_withdraws_everything(self) -> None:
        log = self.log(*range(10, 17))
        assert (log.reaches(11), log.reaches(12)) == (False, True)
        gap = log.withdraw(11)
        assert gap is not None
        assert (gap.from_sequence, gap.to_sequence) == (1, 7)
