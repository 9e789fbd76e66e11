"""The private stream against the server's log."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import Gap, PortfolioUpdate
from hftlab.protocol.publishing.private_log import PrivateLog
from hftlab.protocol.subscribing.loss import Loss
from hftlab.protocol.subscribing.private_stream import PrivateStream
from tests.protocol.publishing.test_private_log import UPDATE


@given(st.lists(st.sampled_from(["send", "cut", "again", "restart"]), max_size=60), st.integers(1, 8))
def test_each_message_comes_once_or_is_told_lost(steps: list[str], size: int) -> None:
    """Against the server's log, with cuts that lose messages, resumptions, and new sessions."""
    sessions = 1
    log, stream = PrivateLog("1", size), PrivateStream()
    stream.welcome("1")
    stream.authenticated("alice", 0)
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
    stream.authenticated("alice", 7)
    assert stream.resume_from == 7


def test_a_server_that_does_not_tell_where_it_stands_is_not_asked_for_its_whole_log() -> None:
    stream, log = PrivateStream(), PrivateLog("s")
    stream.welcome("s")
    stream.authenticated("alice", None)
    assert stream.resume_from is None
    messages = [log.add(UPDATE) for _ in range(3)]
    assert stream.receive(messages[2]) == (True, [])
    stream.authenticated("alice", None)
    assert stream.resume_from == 3


def test_what_came_before_the_answer_to_auth_was_handled_counts() -> None:
    stream, log = PrivateStream(), PrivateLog("s")
    stream.receive(log.add(UPDATE))
    stream.authenticated("alice", 0)
    assert stream.resume_from == 1


def test_the_first_message_after_signing_in_may_show_a_hole() -> None:
    stream, log = PrivateStream(), PrivateLog("s")
    stream.authenticated("alice", 0)
    log.add(UPDATE)
    assert stream.receive(log.add(UPDATE)) == (True, [Loss(0, 1, 1, "lost")])


def test_the_answer_to_a_heartbeat_shows_a_lost_tail() -> None:
    stream, log = PrivateStream(), PrivateLog("s")
    assert stream.advance(2) == []
    stream.authenticated("alice", 0)
    stream.receive(log.add(UPDATE))
    assert stream.advance(1) == stream.advance(None) == []
    assert stream.advance(3) == [Loss(0, 2, 3, "lost")]
    assert stream.advance(3) == []


def test_a_hole_is_a_loss_and_a_duplicate_is_not_new() -> None:
    stream = PrivateStream()
    log = PrivateLog("s")
    messages = [log.add(UPDATE) for _ in range(9)]
    assert stream.receive(messages[2]) == (True, [])
    assert stream.receive(messages[5]) == (True, [Loss(0, 4, 5, "lost")])
    assert stream.receive(messages[3]) == (False, [])


def test_another_accounts_sequence_is_not_ones_own() -> None:
    """Each account's messages are numbered from 1."""
    stream, alice, bob = PrivateStream(), PrivateLog("s"), PrivateLog("s")
    stream.welcome("s")
    stream.authenticated("alice", 0)
    for _ in range(5):
        stream.receive(alice.add(UPDATE))
    assert stream.resume_from == 5
    stream.authenticated("bob", 0)
    assert stream.resume_from == 0
    assert stream.receive(bob.add(UPDATE)) == (True, [])
    stream.authenticated("bob", 1)
    assert stream.receive(bob.add(UPDATE)) == (True, [])
    stream.authenticated("alice", 5)
    assert stream.resume_from == 5


def test_a_server_that_names_its_accounts_late_does_not_start_the_stream_anew() -> None:
    stream = PrivateStream()
    stream.authenticated(None, 3)
    stream.authenticated("alice", 9)
    assert stream.resume_from == 3


def test_what_is_withdrawn_is_not_lost() -> None:
    log, stream = PrivateLog("s"), PrivateStream()
    stream.welcome("s")
    stream.authenticated("alice", 0)
    for at in (10, 20, 30):
        stream.receive(log.add(UPDATE, at))
    gap = log.withdraw(15)
    assert gap is not None
    assert stream.receive(gap) == (True, [])
    assert stream.resume_from == gap.sequence
    assert stream.receive(gap) == (False, [])
