"""Copies of the tutorials: complete, renewed where the user has not changed them, else never overwritten."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hftlab import tutorials
from hftlab.errors import HftlabError
from hftlab.session import verify
from hftlab.tutorials import FIRST, copy_tutorials, find_tutorials

ROOT = Path(__file__).parents[1]
QUICKSTART = "01_quickstart.ipynb"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with tutorials of its own, which a test may change as a new version would."""
    package = tmp_path / "site-packages" / "hftlab"
    source = package / "_tutorials"
    shutil.copytree(ROOT / "notebooks", source / "notebooks")
    shutil.copytree(ROOT / "data", source / "data")
    monkeypatch.setattr(tutorials, "_PACKAGE", package)
    return source


class TestFinding:
    def test_a_checkout_has_them_in_its_own_folders(self) -> None:
        assert find_tutorials() == ROOT

    def test_a_wheel_has_them_inside(self, source: Path) -> None:
        assert find_tutorials() == source

    def test_without_them_the_error_says_what_to_do(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tutorials, "_PACKAGE", tmp_path / "hftlab")
        with pytest.raises(HftlabError, match="no tutorials: run `pip install --force-reinstall hftlab`"):
            find_tutorials()


class TestCopying:
    def test_every_notebook_and_recording_is_there_and_nothing_else(self, source: Path, tmp_path: Path) -> None:
        (source / "notebooks" / "recordings").mkdir(exist_ok=True)
        (source / "notebooks" / "recordings" / "big.parquet").write_text("what a tutorial has left")
        folder = tmp_path / "mine"
        done = copy_tutorials(folder)
        notebooks = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
        assert {path.name for path in (folder / "notebooks").iterdir()} == notebooks
        assert verify(folder / "data" / "walk").is_whole
        assert (done.kept, done.outdated) == ([], [])
        assert FIRST in done.written
        assert sorted(path.name for path in folder.iterdir()) == [".hftlab-tutorials.json", "data", "notebooks"]

    def test_again_it_does_nothing(self, source: Path, tmp_path: Path) -> None:
        copy_tutorials(tmp_path)
        assert copy_tutorials(tmp_path) == tutorials.Copied()

    def test_what_was_deleted_comes_again(self, source: Path, tmp_path: Path) -> None:
        copy_tutorials(tmp_path)
        (tmp_path / FIRST).unlink()
        assert copy_tutorials(tmp_path).written == [FIRST]
        assert (tmp_path / FIRST).is_file()

    def test_what_was_interrupted_is_done_again(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Half of a notebook would count as the user's own for ever."""
        write = Path.write_bytes

        def fill_the_disk(path: Path, content: bytes) -> None:
            write(path, content[: len(content) // 2])
            raise OSError("No space left on device")

        with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
            patch.setattr(Path, "write_bytes", fill_the_disk)
            copy_tutorials(tmp_path)
        done = copy_tutorials(tmp_path)
        assert done.kept == []
        assert (tmp_path / FIRST).read_bytes() == (source / FIRST).read_bytes()
        assert [path for path in tmp_path.rglob("*.part") if source not in path.parents] == []

    def test_a_changed_notebook_is_kept(self, source: Path, tmp_path: Path) -> None:
        copy_tutorials(tmp_path)
        (tmp_path / FIRST).write_text("mine")
        done = copy_tutorials(tmp_path)
        assert (done.written, done.kept, done.outdated) == ([], [FIRST], [])
        assert (tmp_path / FIRST).read_text() == "mine"

    def test_a_new_version_replaces_what_is_unchanged_alone(self, source: Path, tmp_path: Path) -> None:
        """The one that was changed is kept, in this version and in the next."""
        copy_tutorials(tmp_path)
        second = Path("notebooks") / "02_replay.ipynb"
        (tmp_path / FIRST).write_text("mine")
        for version in ("new", "newer"):
            for name in (FIRST, second):
                (source / name).write_text(version)
            done = copy_tutorials(tmp_path)
            assert (done.written, done.kept, done.outdated) == ([second], [FIRST], [FIRST])
            assert (tmp_path / FIRST).read_text() == "mine"
            assert (tmp_path / second).read_text() == version

    @pytest.mark.parametrize("record", [None, b"", b"[]", b'{"version": 7}'])
    def test_without_a_record_whatever_differs_is_the_users(
        self, source: Path, tmp_path: Path, record: bytes | None
    ) -> None:
        (tmp_path / "notebooks").mkdir()
        (tmp_path / FIRST).write_text("mine")
        if record is not None:
            (tmp_path / ".hftlab-tutorials.json").write_bytes(record)
        assert copy_tutorials(tmp_path).kept == [FIRST]
        assert (tmp_path / FIRST).read_text() == "mine"

    def test_the_checkout_itself_is_left_as_it_is(self) -> None:
        before = {path.name for path in ROOT.iterdir()}
        assert copy_tutorials(ROOT) == tutorials.Copied()
        assert {path.name for path in ROOT.iterdir()} == before

    def test_the_record_names_the_version(self, source: Path, tmp_path: Path) -> None:
        copy_tutorials(tmp_path)
        assert json.loads((tmp_path / ".hftlab-tutorials.json").read_text())["version"] == tutorials.__version__
