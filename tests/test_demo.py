"""The demo compares what it has recorded with what it replays, and reports it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hftlab import demo
from hftlab.demo import Demo, run_demo
from hftlab.protocol import MarketData
from hftlab.report import compare
from hftlab.simulator import RandomWalk
from hftlab.version import __version__
from tests.session.sessions import Received, replayed, write_session


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return run_demo(tmp_path_factory.mktemp("demo"), seconds=0.5, speed=20, seed=11)


class TestRun:
    def test_nothing_is_lost_and_nothing_differs(self, done: Demo) -> None:
        found = done.comparison
        assert (found.lost, found.differing) == (0, 0)
        assert found.is_perfect
        assert found.recorded == found.replayed >= 2  # as many as a busy machine had time for
        assert done.latency.count >= 1
        assert done.session.manifest.symbols == sorted(RandomWalk().symbols)
        assert 0 < done.session.manifest.size < done.json_bytes

    def test_the_report_says_how_to_do_it_again(self, done: Demo) -> None:
        text = done.report.read_text(encoding="utf-8")
        assert f"hftlab {__version__} · seed 11 · again with hftlab demo --seed 11 --seconds 0.5" in text
        assert "STALE" not in text


class TestTampering:
    """The comparison finds recordings that differ from what was replayed."""

    @pytest.fixture
    def received(self, done: Demo) -> list[Received]:
        return replayed(done.session)

    def differing(self, done: Demo, tmp_path: Path, received: list[Received]) -> int:
        tampered = write_session(tmp_path / "tampered", received)
        return compare(demo._recorded(done.session), demo._replayed(tampered, float("inf")), lost=0).differing

    def test_a_copy_does_not_differ(self, done: Demo, tmp_path: Path, received: list[Received]) -> None:
        assert self.differing(done, tmp_path, received) == 0

    def test_a_changed_price_is_one_difference(self, done: Demo, tmp_path: Path, received: list[Received]) -> None:
        message = received[-1][1]
        assert isinstance(message, MarketData)
        message.symbols[3].bid += 0.01
        assert self.differing(done, tmp_path, received) == 1

    def test_a_message_that_is_missing_is_a_difference(
        self, done: Demo, tmp_path: Path, received: list[Received]
    ) -> None:
        assert self.differing(done, tmp_path / "missing", received[:-1]) == 1


def test_what_is_missing_between_sequences_is_lost(done: Demo, tmp_path: Path) -> None:
    """As the channel, its first and last sequence, and how many are missing between them."""
    received = replayed(done.session)
    for sequence, (_, message) in zip((5, 6, 9), received, strict=False):
        assert isinstance(message, MarketData)
        message.channel, message.sequence, message.snapshot = 4, sequence, False
    session = write_session(tmp_path / "gap", received[:3])
    assert demo._gaps(session) == [(4, 5, 9, 2)]


def test_what_the_demo_compares_is_everything_but_the_envelope(done: Demo) -> None:
    """Symbols with their quotes, trades and levels; time of sending and sequence belong to the stream."""
    (_, message), *_ = replayed(done.session)
    assert isinstance(message, MarketData)
    assert demo._recorded(done.session)[0] == message.symbols
    assert msgspec.structs.replace(message, timestamp=1.0, sequence=99).symbols == message.symbols
