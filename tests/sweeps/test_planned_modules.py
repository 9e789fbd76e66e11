"""Modules of a sweep: what runs is of the text that its rows are kept under, whoever has had it before."""

from __future__ import annotations

import hashlib
import importlib
import itertools
import os
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import hftlab as hl
from hftlab.errors import StaleCode
from hftlab.sweeps import WorkerPool, planned_modules
from hftlab.sweeps.planned_modules import is_stale, loaded_sources
from tests.sweeps.recordings import two_days
from tests.sweeps.test_executors import client

MAKERS = """
import hftlab as hl
from edited_sizes import size

class Buyer(hl.Strategy):
    every, wake = "2s", "timer"

    def on_timer(self, at):
        self.trading.buy("AAPL", size() + EXTRA)

EXTRA = 10

@hl.compiled(every="2s")
def step(market, orders):
    orders.buy(EXTRA, market.ask())
"""
SIZES = "def size():\n    return 100\n"


_seconds = itertools.count(1_000_000_000)


class Project:
    """Two modules, one of which imports the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.write("edited_sizes", SIZES)
        self.write("edited_makers", MAKERS)

    def write(self, name: str, text: str) -> None:
        """Write a module, a second after the last time, as people do: Python compares seconds."""
        file = self._folder / f"{name}.py"
        file.write_text(text)
        second = next(_seconds)
        os.utime(file, (second, second))

    def load(self, *, again: bool = False) -> ModuleType:
        for name in ("edited_sizes", "edited_makers"):
            module = importlib.import_module(name)
            if again:
                importlib.reload(module)
        return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the project, which processes know from their start on."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(str(folder))
    yield Project(folder)
    for name in ("edited_makers", "edited_sizes"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1) as pool:
        yield pool


def per_order(strategy: Any, executor: Any, **options: Any) -> float:
    """Sweep, and return the quantity of an order."""
    found = hl.sweep(strategy, two_days()[0], executor=executor, **options)
    assert found.errors["error"].to_list() == []
    row = found.table.row(0, named=True)
    return float(row["volume"] / row["orders"])


def check_that_edits_reach(executor: Any, project: Project, folder: Path) -> None:
    """Edit the strategy, what it imports, and take both back."""
    assert per_order(project.load().Buyer, executor, folder=folder) == 110
    for name, text, expected in (
        ("edited_makers", MAKERS.replace("EXTRA = 10", "EXTRA = 20"), 120),
        ("edited_sizes", SIZES.replace("100", "300"), 320),
        ("edited_makers", MAKERS, 310),
    ):
        project.write(name, text)
        with pytest.raises(StaleCode, match=rf"{name} was edited after .* importlib\.reload\({name}\)"):
            per_order(project.load().Buyer, executor)
        with pytest.warns(UserWarning, match="the code of the strategy"):
            assert per_order(project.load(again=True).Buyer, executor, folder=folder) == expected
    project.write("edited_sizes", SIZES)
    assert per_order(project.load(again=True).Buyer, executor, folder=folder) == 110  # a row of the first sweep


def test_edits_reach_a_pool_that_is_kept(project: Project, pool: WorkerPool, tmp_path: Path) -> None:
    check_that_edits_reach(pool, project, tmp_path / "s")


def test_edits_reach_threads(project: Project, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        check_that_edits_reach(threads, project, tmp_path / "s")


@pytest.mark.soak
def test_edits_reach_processes_of_the_standard_library(project: Project, tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        check_that_edits_reach(processes, project, tmp_path / "s")


@pytest.mark.soak
@pytest.mark.filterwarnings("default")
def test_edits_reach_a_cluster(project: Project, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
    with client(processes=True, host="127.0.0.1") as cluster:
        check_that_edits_reach(cluster, project, tmp_path / "s")


def test_edits_reach_a_compiled_strategy(project: Project, pool: WorkerPool) -> None:
    first = per_order(project.load().step, pool)
    project.write("edited_makers", MAKERS.replace("EXTRA = 10", "EXTRA = 20"))
    with pytest.raises(StaleCode, match="EXTRA is another one in"):
        per_order(project.load().step, pool)
    assert per_order(project.load(again=True).step, pool) == 2 * first > 0


def test_an_edit_of_what_a_module_computes_is_seen_before_the_first_sweep(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module does not show it: its value is a number, and what computes it is in the file alone."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    text = MAKERS.replace("EXTRA = 10", "EXTRA = sum([size()])")
    project.write("edited_makers", text)
    strategy = project.load().Buyer
    project.write("edited_makers", text.replace("sum([size()])", "sum([size(), 1])"))
    with pytest.raises(StaleCode, match=r"what it computes as it is imported is another one in .*edited_makers\.py"):
        loaded_sources([strategy.__module__])
    project.load(again=True)
    assert loaded_sources([strategy.__module__])


def test_an_edit_of_the_same_second_and_size_is_seen(project: Project, pool: WorkerPool, folder: Path) -> None:
    """Python takes its compiled file for that of the text."""
    assert per_order(project.load().Buyer, pool) == 110
    file = folder / "edited_sizes.py"
    before = file.stat()
    file.write_text(SIZES.replace("100", "300"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(StaleCode):
        per_order(project.load().Buyer, pool)
    assert per_order(project.load(again=True).Buyer, pool) == 310


def test_what_was_imported_by_name_before_is_refused(project: Project, pool: WorkerPool) -> None:
    old = project.load().Buyer
    project.write("edited_makers", MAKERS.replace("+ EXTRA", "- EXTRA"))
    new = project.load(again=True).Buyer
    with pytest.raises(StaleCode, match=r"Buyer\.on_timer is another one in"):
        per_order(old, pool)
    assert per_order(new, pool) == 90


def test_what_was_changed_by_hand_is_refused(project: Project, pool: WorkerPool) -> None:
    """Processes would not know of it."""
    module: Any = project.load()
    module.EXTRA = 3
    with pytest.raises(StaleCode, match="EXTRA is another one"):
        per_order(module.Buyer, pool)


def test_what_was_changed_in_a_file_that_nobody_has_edited_is_warned_of(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a test's monkeypatch does."""
    module: Any = project.load()
    monkeypatch.setattr(planned_modules, "is_older_than_process", lambda file: True)
    monkeypatch.setattr(module, "EXTRA", 3)
    with pytest.warns(UserWarning, match="edited_makers: EXTRA was changed from outside"):
        loaded_sources([module.__name__], {module.__name__: {"Buyer": module.Buyer}})


def test_what_is_changed_between_two_sweeps_is_warned_of(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = project.load()
    before = loaded_sources([module.__name__])
    monkeypatch.setattr(module, "EXTRA", 3)
    with pytest.warns(UserWarning, match="EXTRA was changed"):
        assert loaded_sources([module.__name__]) == before


def test_what_is_patched_in_place_after_an_edit_is_taken(project: Project) -> None:
    """As IPython's autoreload does, which loads a module again only if it must."""
    module: Any = project.load()
    before = loaded_sources([module.__name__])
    project.write("edited_makers", MAKERS.replace("+ EXTRA", "- EXTRA"))
    with pytest.raises(StaleCode):
        loaded_sources([module.__name__])
    names: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(MAKERS.replace("+ EXTRA", "- EXTRA"), module.__file__, "exec"), names)
    module.Buyer.on_timer.__code__ = names["Buyer"].on_timer.__code__
    after = loaded_sources([module.__name__])
    assert after != before
    project.write("edited_makers", MAKERS.replace("+ EXTRA", "- EXTRA").replace('every="2s"', 'every="3s"'))
    with pytest.raises(StaleCode):  # which is not compared
        loaded_sources([module.__name__])


def test_an_archive_on_a_cluster_has_the_same_text(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "project.zip", "w") as archive:
        archive.writestr("edited_sizes.py", SIZES)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "project.zip"), *sys.path])
    importlib.invalidate_caches()
    module = importlib.import_module("edited_sizes")
    try:
        assert "project.zip" in str(module.__file__)
        assert not is_stale((("edited_sizes", hashlib.sha256(SIZES.encode()).hexdigest()),))
    finally:
        del sys.modules["edited_sizes"]


def test_an_edit_while_runs_wait_is_a_row(project: Project, pool: WorkerPool) -> None:
    module = project.load()

    class Late(WorkerPool):
        def submit(self, *args: Any, **options: Any) -> Any:
            project.write("edited_sizes", SIZES.replace("100", "500"))
            return super().submit(*args, **options)

    with Late(1) as late:
        found = hl.sweep(module.Buyer, two_days()[0], executor=late)
    assert found.errors["error"][0].startswith("edited_sizes has another text here than where the sweep began")


def test_a_function_that_a_notebook_has_from_a_module_counts(project: Project, pool: WorkerPool) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    text = MAKERS.replace("EXTRA = 10", "EXTRA = 1")
    project.load()
    exec(text, names)
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        assert per_order(names["Buyer"], pool) == 101
        project.write("edited_sizes", SIZES.replace("100", "200"))
        with pytest.raises(StaleCode):
            per_order(names["Buyer"], pool)
        project.load(again=True)
        exec(text, names)
        assert per_order(names["Buyer"], pool) == 201
    finally:
        sys.modules["__main__"] = main


def test_the_process_that_plans_loads_nothing_again(project: Project) -> None:
    sources = loaded_sources([project.load().__name__])
    assert [name for name, _ in sources] == ["edited_makers", "edited_sizes"]
    assert not is_stale(sources)
    with pytest.raises(StaleCode):
        is_stale((("edited_makers", "0"),))
