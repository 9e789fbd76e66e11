"""Request log: what has been asked for, up to a time."""

from __future__ import annotations

from hftlab.trading.request_log import LoggedRequest, RequestLog
from tests.trading.printed_market import cancel


def logged(*times: int) -> RequestLog:
    log = RequestLog()
    for at in times:
        log.add(LoggedRequest(at, "alice", cancel(f"o{at}")))
    return log


def test_requests_of_the_time_itself_hold() -> None:
    log = logged(1, 5, 5, 9)
    log.forget_after(5)
    assert [one.at for one in log.entries] == [1, 5, 5]
    log.forget_after(0)
    assert len(log.entries) == 0


def test_those_behind_a_checkpoint_are_found_by_their_number() -> None:
    assert [one.at for one in logged(1, 5, 9).since(1)] == [5, 9]
