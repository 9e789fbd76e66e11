from __future__ import annotations

from pathlib import Path

from hftlab.kernels.cache_files import known, remove_outdated

TODAY = "flow._run-49.py311"
KEPT = {
    f"{TODAY}.nbi",
    f"{TODAY}.1.nbc",
    f"{TODAY}.2.nbc",
    "flow._run-48.py312.nbi",  # another Python's
    "flow.make.locals.inner-5.py311.nbi",  # known once make() has run
    "other._run-48.py311.nbi",  # another module's
    "flow.cpython-311.pyc",
}
OUTDATED = {"flow._run-48.py311.nbi", "flow._run-48.py311.1.nbc", "flow._gone-3.py311.nbi"}


def test_what_a_later_version_has_moved_goes(tmp_path: Path) -> None:
    for name in KEPT | OUTDATED:
        (tmp_path / name).touch()
    known(str(tmp_path), TODAY)
    remove_outdated(str(tmp_path), TODAY)
    assert {path.name for path in tmp_path.iterdir()} == KEPT


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    remove_outdated(str(tmp_path / "gone"), TODAY)
