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
