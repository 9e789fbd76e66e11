"""`hftlab lab`: the options with which JupyterLab starts, whoever and wherever the user is.

That it opens is shown by tests/test_fresh_machine.py and, in a real browser, by tests/browser/test_lab.py.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hftlab.cli.lab import jupyter_options

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
