from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.client.private import PrivateStream
from hftlab.protocol import Gap, PortfolioUpdate
from hftlab.protocol.private_log import PrivateLog
from hftlab.protocol.subscriber import Loss
from tests.protocol.test_private_log import UPDATE


@given(st.lists(st.sampled_from(["send", "cut", "again", "restart"]), max_size=60), st.integers(1, 8))
def test_each_message_comes_once_or_is_told_lost(steps: list[str], size: int) -> None:
    """Against the server's log, with cuts that lose messages, resumptions, and new sessions."""
    sessions = 1
    log, stream = PrivateLog("1", size), PrivateStream()
    stream.welcome("1")
    stream.authenticated()
    seen: list[tuple[str, int]] = []
    is_up = True

    def hear(message: PortfolioUpdate | Gap) -> None:
        is_new, losses = stream.receive(message)
        for loss in losses:
            seen.extend((log.session, number) for number in range(loss.first, loss.last + 1))
        if is_new and not isinstance(message, Gap):
            seen.append((log.session, message.sequence))

    for step in steps:
        if step == "send":
            message = log.add(UPDATE)
            if is_up:
                hear(message)
        elif step == "cut":
            is_up = False
        else:
            if step == "restart":
                sessions += 1
                log = PrivateLog(str(sessions), size)
            is_up = True
            stream.welcome(log.session)
            assert stream.resume_from is not None
            for message in log.since(stream.session, stream.resume_from):
                hear(message)
    assert len(set(seen)) == len(seen)
    if is_up:
        assert [number for session, number in seen if session == log.session] == list(range(1, log.sequence + 1))


def test_before_the_first_authentication_there_is_nothing_to_resume() -> None:
    stream = PrivateStream()
    stream.welcome("s")
    assert (stream.session, stream.resume_from) == ("s", None)
    stream.authenticated()
    assert stream.resume_from == 0


def test_a_hole_is_a_loss_and_a_duplicate_is_not_new() -> None:
    stream = PrivateStream()
    log = PrivateLog("s")
    messages = [log.add(UPDATE) for _ in range(9)]
    assert stream.receive(messages[2]) == (True, [])
    assert stream.receive(messages[5]) == (True, [Loss(0, 4, 5, "lost")])
    assert stream.receive(messages[3]) == (False, [])
