from __future__ import annotations

from pathlib import Path

import pytest

import hftlab as hl
from tests.command import ROOT


@pytest.mark.parametrize("folder", [ROOT, ROOT / "notebooks", ROOT / "tests" / "lab"])
def test_a_recording_is_found_from_below_its_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert hl.sample("walk").folder == ROOT / "data" / "walk"


def test_the_nearest_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert hl.sample("flash").folder == tmp_path / "data" / "flash"


def test_elsewhere_that_of_the_installation_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert hl.sample("flash").folder == ROOT / "data" / "flash"


def test_one_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(hl.errors.SessionNotFound, match=r"no recording 'flush' .*did you mean hl.sample\('flash'\)\?"):
        hl.sample("flush")
    with pytest.raises(hl.errors.SessionNotFound, match=r"there are flash, walk"):
        hl.sample("zzz")
