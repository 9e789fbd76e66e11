"""`hftlab lab`: the folder that it makes, and the options with which JupyterLab starts, whoever the user is.

That it opens is shown by tests/test_fresh_machine.py and, in a real browser, by tests/browser/test_lab.py.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from hftlab.cli.lab import jupyter_options
from tests.command import ROOT, Run, sentence

DESKTOP = {"DISPLAY": ":0"}


@pytest.mark.parametrize(("user", "is_allowed"), [(0, True), (1000, False)])
def test_root_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, is_allowed: bool) -> None:
    """JupyterLab refuses to run as root, often a container's only user, without --allow-root."""
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert ("--allow-root" in jupyter_options(tmp_path, DESKTOP)) is is_allowed


@pytest.mark.parametrize(
    ("platform", "environment", "opens"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", DESKTOP, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"BROWSER": "firefox"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_without_a_display_no_browser_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], opens: bool
) -> None:
    """Only a text browser would be found, which takes over the terminal."""
    monkeypatch.setattr("sys.platform", platform)
    assert ("--no-browser" not in jupyter_options(tmp_path, environment)) is opens


def test_the_quickstart_is_opened_where_it_is(tmp_path: Path) -> None:
    """The folder stays JupyterLab's root, so that recordings beside the notebooks can be seen."""
    assert not any("default_url" in option for option in jupyter_options(tmp_path, DESKTOP))
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_quickstart.ipynb").write_text("{}")
    options = jupyter_options(tmp_path, DESKTOP)
    assert f"--ServerApp.root_dir={tmp_path}" in options
    assert "--LabApp.default_url=/lab/tree/notebooks/01_quickstart.ipynb" in options


class TestFolder:
    @pytest.fixture
    def opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
        """The options with which JupyterLab would have been started, in a folder without tutorials."""
        opened: list[list[str]] = []

        def note(options: Sequence[str]) -> None:
            opened.append(list(options))

        monkeypatch.setattr("hftlab.cli.lab._run_jupyterlab", note)
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)  # nothing is compiled
        monkeypatch.chdir(tmp_path)
        return opened

    def test_the_tutorials_are_copied_to_it_and_opened(self, opened: list[list[str]], run: Run, tmp_path: Path) -> None:
        """Twice: nothing is said of what is there already."""
        status, out, err = run("lab", "mine", "--no-browser", "--port", "0")
        assert (status, out) == (0, "")
        assert f"copied {len(list((ROOT / 'notebooks').glob('*.ipynb')))} tutorials to {tmp_path / 'mine'}\n" in err
        assert f"--ServerApp.root_dir={tmp_path / 'mine'}" in opened[0]
        assert "--LabApp.default_url=/lab/tree/notebooks/01_quickstart.ipynb" in opened[0]
        assert opened[0][-3:] == ["--no-browser", "--port", "0"]
        assert "tutorials" not in run("lab", "mine").err

    def test_without_one_they_get_one(self, opened: list[list[str]], run: Run, tmp_path: Path) -> None:
        run("lab", "--no-browser")
        assert f"--ServerApp.root_dir={tmp_path / 'hftlab-tutorials'}" in opened[0]
        assert (tmp_path / "hftlab-tutorials" / "data" / "walk" / "manifest.json").is_file()

    def test_a_folder_that_has_them_is_opened_as_it_is(
        self, opened: list[list[str]], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(ROOT)
        assert "copied" not in run("lab").err
        assert f"--ServerApp.root_dir={ROOT}" in opened[0]

    def test_what_the_user_has_changed_is_kept_and_named(
        self, opened: list[list[str]], run: Run, tmp_path: Path
    ) -> None:
        run("lab", "mine")
        (tmp_path / "mine" / "notebooks" / "02_replay.ipynb").write_text("mine")
        err = run("lab", "mine").err
        assert "kept 02_replay.ipynb, which you have changed\nto begin one anew, move yours away and run this" in err
        (tmp_path / "mine" / ".hftlab-tutorials.json").unlink()  # as if from another version
        err = run("lab", "mine").err
        assert "this version of hftlab has another 02_replay.ipynb: to get it, move yours away (such as `mv " in err
        assert (tmp_path / "mine" / "notebooks" / "02_replay.ipynb").read_text() == "mine"

    def test_a_file_or_a_second_folder_is_an_error(self, opened: list[list[str]], run: Run, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert "file is a file: give a folder" in sentence(run("lab", "file"))
        assert "lab takes one folder, but a and b are given" in sentence(run("lab", "a", "b"))
        assert opened == []
