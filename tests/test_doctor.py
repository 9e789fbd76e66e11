"""The doctor finds problems of an installation and says what to do about them."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from hftlab import doctor
from hftlab.doctor import Check, examine
from hftlab.port import DEFAULT_PORT
from hftlab.server import ServerLimits


def checks(folder: Path) -> dict[str, Check]:
    return {check.name: check for check in examine(folder)}


def test_this_installation_is_well(tmp_path: Path) -> None:
    """These tests run in it."""
    found = checks(tmp_path)
    for check in found.values():
        assert check.ok or not check.needed or check.name == "disk", check
    assert found["Python"].found.startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert found["polars"].found == importlib.metadata.version("polars")
    assert found["loopback"].ok
    assert str(tmp_path) in found["disk"].found


def test_a_busy_port_is_named_and_is_no_obstacle(tmp_path: Path, busy_port: bool) -> None:
    check = checks(tmp_path)[f"port {DEFAULT_PORT}"]
    assert (check.ok, check.needed) == (False, False)
    assert check.found.startswith("in use by ")
    assert "port=0" in check.advice
    if busy_port:
        assert check.found == "in use by this process"


def test_a_library_that_cannot_be_imported_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing library, a broken one, and an optional one."""
    # kosoku, which other tests use, leaves a stand-in for this one, with which pytest would try to work.
    monkeypatch.delitem(sys.modules, "pkg_resources", raising=False)
    (tmp_path / "broken_library.py").write_text("raise RuntimeError('built for another Python')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor, "_LIBRARIES", ("absent_library", "broken_library"))
    monkeypatch.setitem(sys.modules, "uvloop", None)
    found = checks(tmp_path)
    absent, broken = found["absent_library"], found["broken_library"]
    assert (absent.ok, absent.needed, broken.ok) == (False, True, False)
    assert "No module named" in absent.found
    assert "built for another Python" in broken.found
    assert "pip install --upgrade absent_library" in absent.advice
    assert not doctor._library("uvloop").needed


@pytest.mark.parametrize("where", ["absent", "file"])
def test_a_folder_that_cannot_be_written_to_is_found_out(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    check = checks(tmp_path / where)["disk"]
    assert not check.ok
    assert str(tmp_path / where) in check.found
    assert "choose a folder" in check.advice


def test_too_little_room_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ROOM", 10**30)
    check = checks(tmp_path)["disk"]
    assert not check.ok
    assert "more room" in check.advice


@pytest.mark.parametrize(("limit", "enough"), [(256, False), (1024, False), (4096, True), (-1, True)])
def test_too_few_open_files_take_connections_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, enough: bool
) -> None:
    """-1 is RLIM_INFINITY on Linux; elsewhere it is a large number."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    check = checks(tmp_path)["open files"]
    assert (check.ok, check.needed) == (enough, False)
    assert "ulimit -n" in check.advice
    assert ServerLimits().connections < doctor._FILES
