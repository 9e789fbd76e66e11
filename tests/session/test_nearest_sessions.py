"""A folder that is not a session is told with those that are near."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.errors import SessionNotFound
from hftlab.session.manifest import Manifest, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("mornings", "evenings"):
        (tmp_path / name).mkdir()
        write_manifest(tmp_path / name, Manifest(source={}))
    return tmp_path


def test_a_name_that_is_nearly_right(folder: Path) -> None:
    with pytest.raises(SessionNotFound, match=r"the nearest is .*mornings") as caught:
        hl.open_session(folder / "morning")
    assert caught.value.instead == {str(folder / "morning"): repr(str(folder / "mornings"))}
    assert caught.value.path == folder / "morning"


@pytest.mark.parametrize(
    "call",
    [
        lambda path: hl.merged([path]),
        lambda path: hl.diff(path.with_name("mornings"), path),
        lambda path: hl.upload(path, "s3://bucket/day"),
        lambda path: hl.download(path, path.with_name("copy")),
    ],
    ids=["merged", "diff", "upload", "download"],
)
def test_whatever_opens_a_folder_names_the_nearest(folder: Path, call: Callable[[Path], object]) -> None:
    with pytest.raises(SessionNotFound, match=r"the nearest is .*mornings"):
        call(folder / "morning")


def test_a_folder_of_sessions(folder: Path) -> None:
    with pytest.raises(SessionNotFound, match="the sessions in it are evenings, mornings") as caught:
        hl.open_session(folder)
    assert caught.value.instead == {}
    (folder / "evenings" / "manifest.json").unlink()
    with pytest.raises(SessionNotFound, match="the sessions in it are mornings") as caught:
        hl.open_session(folder)
    assert caught.value.instead == {str(folder): repr(str(folder / "mornings"))}


def test_nothing_near(tmp_path: Path) -> None:
    for path in (tmp_path / "x", tmp_path / "nowhere" / "x"):
        with pytest.raises(SessionNotFound, match=r"Give a folder that was recorded or imported$"):
            hl.open_session(path)


def test_what_is_not_a_path() -> None:
    with pytest.raises(TypeError, match="a session is opened by its folder, such as 'data/session'; got 5"):
        hl.open_session(5)  # type: ignore[arg-type]
