"""Replay control in a notebook: plain calls of a client and of a server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import hftlab as hl
from hftlab.errors import ArgumentError, ServerError
from hftlab.lab import LabClient, LabServer
from hftlab.protocol import MarketData
from hftlab.session import Session
from hftlab.simulator import RandomWalk
from tests.session.sessions import numbered, write_session

MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)
START = int(MIDNIGHT.timestamp()) * 10**9
SECOND = 10**9


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """One message a second for a minute."""
    return write_session(tmp_path / "session", [(START + n * SECOND, numbered(n)) for n in range(60)])


@pytest.fixture
def server(session: Session) -> Iterator[LabServer]:
    with hl.serve(session.replay(), port=0) as server:
        yield server


@pytest.fixture
def client(server: LabServer) -> Iterator[LabClient]:
    with hl.connect(server.url) as client:
        client.replay.pause()
        client.subscribe("AAPL", frequency=0, wait=0)
        yield client


def shown(client: LabClient) -> float:
    latest = client.latest("AAPL")
    assert latest is not None
    return latest.volume


class TestReplay:
    def test_connect_has_the_right_to_control(self, client: LabClient) -> None:
        """Without a token: clients of the same user find the local server's key."""
        assert client.replay.status is not None
        assert client.replay.status.state == "PAUSED"

    def test_a_seek_shows_the_state_of_that_time_when_it_returns(self, client: LabClient) -> None:
        for second in (30, 5, 59, 0):
            status = client.replay.seek(START + second * SECOND)
            assert status is not None
            assert shown(client) == second
            assert client.replay.position == START + second * SECOND

    @pytest.mark.parametrize(
        "time",
        [
            MIDNIGHT + timedelta(seconds=7),
            datetime(2024, 3, 1, 0, 0, 7),
            (MIDNIGHT + timedelta(seconds=7)).astimezone(timezone(timedelta(hours=-5))),
            "2024-03-01T00:00:07",
            "2024-02-29T19:00:07.000-05:00",
        ],
    )
    def test_a_datetime_will_do(self, client: LabClient, time: datetime | str) -> None:
        client.replay.seek(time)
        assert shown(client) == 7

    def test_between_two_messages_the_earlier_is_shown(self, client: LabClient) -> None:
        client.replay.seek(START + 7 * SECOND - 1000)
        assert shown(client) == 6
        client.replay.seek(START + 7 * SECOND - 1)  # the wire has whole microseconds, and this is in the last one
        assert shown(client) == 7

    def test_steps_and_speed(self, client: LabClient) -> None:
        client.replay.seek(START + 10 * SECOND)
        client.messages()
        client.replay.step(3)
        assert shown(client) == 13
        assert [one.id for one in client.messages() if isinstance(one, MarketData)] == ["md_11", "md_12", "md_13"]
        client.replay.set_speed(float("inf"))
        client.replay.resume()
        assert client.wait_for_replay(20)
        assert shown(client) == 59

    @pytest.mark.parametrize("count", [0, -1, None, True, [1]])
    def test_a_step_is_of_something(self, client: LabClient, count: Any) -> None:
        with pytest.raises(ArgumentError, match="count is a number of messages above 0, or a time"):
            client.replay.step(count)

    @pytest.mark.parametrize("length", ["3s", "3000ms", 3.0])
    def test_a_step_by_time(self, client: LabClient, length: str | float) -> None:
        """All messages of that time are shown at once, and the replay stands behind it."""
        client.replay.seek(START + 10 * SECOND + SECOND // 2)
        client.messages()
        if isinstance(length, str):
            client.replay.step(length)
        else:
            client.replay.step(seconds=length)
        assert [one.id for one in client.messages() if isinstance(one, MarketData)] == ["md_11", "md_12", "md_13"]
        assert client.replay.position == START + 13 * SECOND + SECOND // 2
        assert client.replay.status is not None
        assert client.replay.status.state == "PAUSED"
        client.replay.step("1h")
        assert shown(client) == 59

    def test_a_seek_to_a_message(self, client: LabClient) -> None:
        """Beyond the last it is the last."""
        for number in (30, 5, 59):
            client.replay.seek_message(number)
            assert shown(client) == number
        client.replay.seek_message(1000)
        assert shown(client) == 59

    def test_a_loop_begins_again_at_the_end(self, server: LabServer, client: LabClient) -> None:
        client.replay.seek(START + 57 * SECOND)
        client.messages()
        client.replay.set_speed(1000)
        client.replay.resume(loop=True)
        assert client.replay.status is not None
        assert client.replay.status.loop
        seen: list[str] = []
        while seen.count("md_30") < 2:
            message = client.next_message(20)
            seen += [message.id] if isinstance(message, MarketData) and message.id else []
        twice = "|".join(seen)
        assert "md_59|md_0|md_1" in twice.replace("|None", "")
        client.replay.resume(loop=False)
        assert client.wait_for_replay(20)
        assert shown(client) == 59

    def test_the_server_has_the_same(self, server: LabServer, client: LabClient) -> None:
        assert "PAUSED" in repr(server.replay)
        server.replay.seek(MIDNIGHT + timedelta(seconds=3))
        client.ping()
        assert shown(client) == 3
        assert (
            repr(client.replay)
            == repr(server.replay)
            == ("<hftlab replay, PAUSED at 2024-03-01 00:00:03.000000 UTC, speed 1.0>")
        )

    def test_a_simulator_cannot_be_controlled(self) -> None:
        with hl.serve(RandomWalk(7), port=0) as live, hl.connect(live.url) as client:
            assert repr(client.replay) == "<hftlab replay, no status yet>"
            assert client.replay.position is None
            with pytest.raises(ServerError, match=r"session\.replay"):
                client.replay.seek(START)
