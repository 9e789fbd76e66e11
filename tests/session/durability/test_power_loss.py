"""What was acknowledged outlives a power failure, whatever of the rest has reached the disk."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from hftlab.errors import SessionError, SessionNotFound
from hftlab.session import SessionWriter, open_session, recover
from hftlab.session.journal import Journal
from hftlab.session.manifest import MANIFEST, Manifest
from tests.session.durability.power_loss import Moment, watched
from tests.session.sessions import Received, numbered, replayed

COMMIT = Journal.commit
RECEIVED: list[Received] = [(at, numbered(at)) for at in range(14)]


def recorded(root: Path) -> list[Moment]:
    """Record messages into several segments, which become Parquet meanwhile, and finish the session."""
    root.mkdir()
    with watched(root) as (moments, acknowledge):
        writer = SessionWriter(root / "session", source={}, segment_bytes=1500)
        for at, message in RECEIVED:
            writer.append(message, at)
            if at == 5:
                writer.control("gap", at)
            if at % 2:
                writer.commit()
                acknowledge()
                acknowledge()
        writer.close()
    return moments


def losses(moments: list[Moment], folder: Path, count: int, *, seed: int) -> list[str]:
    """Say what is wrong after so many power failures, each at some moment of the recording."""
    chance, found = random.Random(seed), []
    for _ in range(count):
        disk, acknowledged = chance.choice(moments)
        shutil.rmtree(folder, ignore_errors=True)
        disk.fail(chance, folder)
        try:
            recover(folder / "session")
            there = replayed(open_session(folder / "session"))
        except SessionNotFound:
            there = []
        except SessionError as exc:
            found.append(str(exc))
            continue
        if len(there) < acknowledged or there != RECEIVED[: len(there)]:
            found.append(f"{len(there)} of {acknowledged}")
    return found


@pytest.mark.no_cover
@pytest.mark.parametrize("count", [60, pytest.param(5_000, marks=pytest.mark.soak)])
def test_nothing_acknowledged_is_lost(tmp_path: Path, count: int) -> None:
    moments = recorded(tmp_path / "disk")
    assert len(moments) > 60
    assert losses(moments, tmp_path / "after", count, seed=count) == []


def nothing(*_: object) -> None:
    """Sync nothing."""


def commit_without_sync(journal: Journal) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hftlab.session.journal._sync", nothing)
        COMMIT(journal)


def write_without_sync(folder: Path, manifest: Manifest) -> None:
    (folder / "manifest.json.new").write_bytes(msgspec.json.encode(manifest))
    (folder / "manifest.json.new").replace(folder / MANIFEST)


@pytest.mark.parametrize(
    ("place", "instead"),
    [
        pytest.param("journal.Journal.commit", commit_without_sync, id="commits that do not sync"),
        pytest.param("parts.sync_folder", nothing, id="parts whose rename is not synced", marks=pytest.mark.soak),
        pytest.param(
            "parts.write_manifest",
            write_without_sync,
            id="segments that go before the manifest is synced",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_the_model_sees_it_if_a_step_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, instead: Callable[..., None]
) -> None:
    root = tmp_path / "disk"
    with monkeypatch.context() as patch:
        patch.setattr(f"hftlab.session.{place}", instead)
        moments = recorded(root)
    chances = (losses(moments, tmp_path / f"after {seed}", 20, seed=seed) for seed in range(15))
    assert any(chances)
