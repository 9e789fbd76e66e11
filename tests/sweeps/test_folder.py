"""Folder of a sweep: rows that survive a kill at any moment, of one strategy, for one process at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hftlab.errors import ArgumentTypeError, SweepBusy, SweepDamaged, SweepExists, SweepNotFound, SweepTooNew
from hftlab.sweeps import folder as folder_module
from hftlab.sweeps.folder import Plan, SweepFolder, folder_path, read_plan, read_rows
from hftlab.sweeps.run_rows import Run, row_of
from tests.command import environment

PLAN = Plan(strategy="makers:Maker", names=["size"], runs=["a", "b"])


def row(size: int, error: str | None = None) -> dict[str, Any]:
    run = Run("makers:Maker", "code", "day", "/day", "manifest", {"size": size}, f'{{"size": {size}}}')
    return row_of(run, {"pnl": float(size)}, 0.5, error)


def sizes(rows: pl.DataFrame) -> list[int]:
    return [json.loads(text)["size"] for text in rows["values"]]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write each row when it comes."""
    monkeypatch.setattr(folder_module, "_OFTEN", 0.0)


class TestRows:
    def test_are_there_again(self, tmp_path: Path) -> None:
        with SweepFolder(tmp_path / "sweep", PLAN) as folder:
            folder.add(row(1))
            folder.add(row(2, "broken"))
        assert sizes(read_rows(tmp_path / "sweep")) == [1, 2]
        assert read_rows(tmp_path / "sweep")["error"].to_list() == [None, "broken"]
        assert read_plan(tmp_path / "sweep") == PLAN
        with SweepFolder(tmp_path / "sweep", PLAN) as folder:
            assert sizes(folder.rows) == [1, 2]

    def test_wait_a_second_for_others(self, tmp_path: Path) -> None:
        with SweepFolder(tmp_path, PLAN) as folder:
            assert folder.wait is None
            folder.add(row(1))
            assert folder.wait is None or 0 < folder.wait <= 1
            folder.flush()
            assert folder.wait is None
            assert sizes(read_rows(tmp_path)) == [1]

    def test_of_a_run_that_was_done_again_the_last_counts(self, tmp_path: Path, at_once: None) -> None:
        with SweepFolder(tmp_path, PLAN) as folder:
            for error in ("first", "second", None):
                folder.add(row(1, error))
            folder.add(row(2))
        assert read_rows(tmp_path)["error"].to_list() == [None, None]

    def test_many_files_become_one(self, tmp_path: Path, at_once: None) -> None:
        with SweepFolder(tmp_path, PLAN) as folder:
            for size in range(100):
                folder.add(row(size))
        assert sizes(read_rows(tmp_path)) == list(range(100))
        assert len(list((tmp_path / "runs").iterdir())) < 40

    def test_a_kill_between_the_new_file_and_the_end_of_the_old_ones_does_no_harm(
        self, tmp_path: Path, at_once: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with SweepFolder(tmp_path, PLAN) as folder, monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", lambda *_, **__: None)
            for size in range(34):
                folder.add(row(size))
        assert len(list((tmp_path / "runs").iterdir())) > 33
        assert sizes(read_rows(tmp_path)) == list(range(34))

    def test_a_kill_while_a_file_is_written_costs_its_rows(self, tmp_path: Path, at_once: None) -> None:
        """What it leaves has another name; the next file takes its place."""
        with SweepFolder(tmp_path, PLAN) as folder:
            folder.add(row(1))
        (written,) = (tmp_path / "runs").glob("*.parquet")
        (tmp_path / "runs" / f".{written.name}.new").write_bytes(written.read_bytes()[:50])
        with SweepFolder(tmp_path, PLAN) as folder:
            assert sizes(folder.rows) == [1]
            folder.add(row(2))
        assert sizes(read_rows(tmp_path)) == [1, 2]
        assert list((tmp_path / "runs").glob(".*")) == []

    def test_a_file_that_is_damaged_is_named(self, tmp_path: Path) -> None:
        with SweepFolder(tmp_path, PLAN) as folder:
            folder.add(row(1))
        (file,) = (tmp_path / "runs").iterdir()
        file.write_bytes(file.read_bytes()[:-20])
        with pytest.raises(
            SweepDamaged, match=r"cannot be read \(.*\): delete it, and its runs are run again"
        ) as caught:
            read_rows(tmp_path)
        assert caught.value.path == file


class TestFolders:
    def test_of_another_strategy(self, tmp_path: Path) -> None:
        SweepFolder(tmp_path, PLAN).close()
        other = Plan(strategy="makers:Taker", names=[], runs=[])
        with pytest.raises(SweepExists, match="has a sweep of makers:Maker, and this one is of makers:Taker"):
            SweepFolder(tmp_path, other)

    def test_of_something_else(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("")
        with pytest.raises(SweepExists, match="exists already, and is not a sweep: give another folder"):
            SweepFolder(tmp_path, PLAN)
        with pytest.raises(SweepExists, match="is a file"):
            SweepFolder(tmp_path / "thesis.tex", PLAN)
        with pytest.raises(SweepNotFound, match=r"is not a sweep: it has no sweep\.json"):
            read_plan(tmp_path)

    def test_that_was_killed_before_it_had_a_plan(self, tmp_path: Path) -> None:
        (tmp_path / "runs").mkdir()
        (tmp_path / ".lock").touch()
        (tmp_path / ".sweep.json.new").write_text("{")
        SweepFolder(tmp_path, PLAN).close()
        assert read_plan(tmp_path) == PLAN

    def test_in_which_a_sweep_is_being_run(self, tmp_path: Path) -> None:
        with SweepFolder(tmp_path, PLAN) as folder:
            with pytest.raises(SweepBusy, match="has a sweep that is being run by this process"):
                SweepFolder(tmp_path, PLAN)
            folder.add(row(1))
        SweepFolder(tmp_path, PLAN).close()

    @pytest.mark.parametrize(
        ("text", "error", "said"),
        [
            ('{"format": "hftlab sweep", "schema": 99}', SweepTooNew, "has sweep schema 99, this hftlab reads up to 1"),
            ('{"format": "hftlab session"}', SweepNotFound, "belongs to something else"),
            ('{"format": "hftlab sweep", "schema": 1}', SweepDamaged, "cannot be read"),
            ("{", SweepDamaged, "cannot be read"),
        ],
    )
    def test_whose_plan_is_not_one(self, tmp_path: Path, text: str, error: Any, said: str) -> None:
        (tmp_path / "sweep.json").write_text(text)
        with pytest.raises(error, match=said):
            read_plan(tmp_path)

    def test_are_given_by_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert folder_path("sweep") == tmp_path / "sweep"
        with pytest.raises(ArgumentTypeError, match="folder is 7: give the path of a folder"):
            folder_path(7)  # type: ignore[arg-type]


def test_a_file_that_goes_while_rows_are_read_is_not_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that runs the sweep puts files into one while another looks at them."""
    with SweepFolder(tmp_path, PLAN) as folder:
        folder.add(row(1))
        folder.flush()
    listed = folder_module._files

    def stale(path: Path) -> list[Path]:
        monkeypatch.setattr(folder_module, "_files", listed)
        return [path / "runs" / "00000000-gone.parquet", *listed(path)]

    monkeypatch.setattr(folder_module, "_files", stale)
    assert len(read_rows(tmp_path)) == 1


def test_a_full_disk_is_an_error_and_rows_stay(tmp_path: Path) -> None:
    """The system refuses files of more than some bytes, as a full disk does."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from tests.sweeps.test_folder import *\n"
        "from hftlab.errors import SweepError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "folder = SweepFolder(Path(sys.argv[1]), PLAN); folder.add(row(1)); folder.flush()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY)); folder.add(row(2))\n"
        "try: folder.flush()\n"
        "except SweepError as error: print(error)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2); print(len(read_rows(folder.path)))\n"
        "folder.close(); print(len(read_rows(folder.path)), *(one.name for one in folder.path.rglob('.*.new')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s")], env=environment(), capture_output=True, text=True, check=True
    )
    error, before, after = done.stdout.splitlines()
    assert "cannot be written (" in error
    assert error.endswith("start the sweep again: it goes on from there")
    assert (before, after) == ("1", "2")
