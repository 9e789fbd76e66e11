"""A saved result is the result, and what is damaged, too new or not a result says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hftlab.backtest import result_folder
from hftlab.backtest.result import Result, open_result
from hftlab.backtest.result_tables import EXACT
from hftlab.errors import ArgumentTypeError, ResultDamaged, ResultExists, ResultNotFound, ResultTooNew
from tests.backtest.made_run import facts, made_result, random_run
from tests.session.sessions import numbered, write_session


@pytest.fixture
def result() -> Result:
    return made_result(**random_run(3), about=facts(parameters={"width": 2}, latency={"entry": 5}, seed=9))


@pytest.fixture
def saved(result: Result, tmp_path: Path) -> Path:
    return result.save(tmp_path / "results" / "quoter")


def assert_same(one: Any, other: Any) -> None:
    """Compare summaries; their doubles are sums of several threads, whose order may differ."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert_same(value, other[name])
    elif isinstance(one, list):
        for mine, theirs in zip(one, other, strict=True):
            assert_same(mine, theirs)
    else:
        assert one == (pytest.approx(other, rel=1e-12) if isinstance(other, float) else other)


class TestSaving:
    def test_what_is_opened_is_what_was_saved(self, result: Result, saved: Path) -> None:
        opened = open_result(str(saved))
        assert opened.facts == result.facts
        for name in EXACT:
            assert opened.exact(name).collect().equals(result.exact(name).collect()), name
            assert opened.table(name).collect_schema() == result.table(name).collect_schema()
        assert_same(opened.summary().to_dict(), result.summary().to_dict())

    def test_the_tables_are_parquet_that_anybody_reads(self, result: Result, saved: Path) -> None:
        made = pl.read_parquet(saved / "fills.parquet")
        assert made["price"].to_list() == result.exact("fills").collect()["price"].to_list()
        assert {path.name for path in saved.iterdir()} == {"result.json", *(f"{name}.parquet" for name in EXACT)}
        said = json.loads((saved / "result.json").read_text())
        assert said["facts"][0]["parameters"] == {"width": 2}
        assert said["tables"]["fills"]["rows"] == 40

    def test_nothing_is_left_beside_it(self, saved: Path) -> None:
        assert [path.name for path in saved.parent.iterdir()] == ["quoter"]

    def test_a_relative_path_is_made_absolute(
        self, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        opened = open_result(result.save("here"))
        monkeypatch.chdir("/")
        assert opened.fills.collect().height == 40

    def test_an_empty_folder_is_taken(self, result: Result, tmp_path: Path) -> None:
        assert open_result(result.save(tmp_path)).facts == result.facts

    def test_a_path_that_is_none_is_refused(self, result: Result) -> None:
        with pytest.raises(ArgumentTypeError, match="such as 'results/quoter'; got 7"):
            open_result(7)  # type: ignore[arg-type]


class TestOverwriting:
    def test_a_result_is_replaced_only_if_asked_for(self, result: Result, saved: Path) -> None:
        other = made_result(**random_run(4))
        with pytest.raises(ResultExists, match="overwrite=True") as caught:
            other.save(saved)
        assert caught.value.arguments == {"overwrite": "True"}
        assert open_result(saved).facts == result.facts
        other.save(saved, overwrite=True)
        assert open_result(saved).fills.collect().equals(other.fills.collect())
        assert [path.name for path in saved.parent.iterdir()] == ["quoter"]

    def test_a_result_can_take_its_own_place(self, saved: Path) -> None:
        opened = open_result(saved)
        before = opened.fills.collect()
        opened.save(saved, overwrite=True)
        assert open_result(saved).fills.collect().equals(before)

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_other_files_are_never_replaced(self, result: Result, tmp_path: Path, overwrite: bool) -> None:
        (tmp_path / "thesis.txt").write_text("years of work")
        for taken in (tmp_path, tmp_path / "thesis.txt"):
            with pytest.raises(ResultExists, match="is not a saved result: give another folder"):
                result.save(taken, overwrite=overwrite)
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]

    @pytest.mark.parametrize("failing", ["write_parquet", "sync_folder"])
    def test_a_failure_leaves_what_was_there(
        self, result: Result, saved: Path, monkeypatch: pytest.MonkeyPatch, failing: str
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise OSError("no space left on device")

        home: Any = pl.DataFrame if failing == "write_parquet" else result_folder
        with monkeypatch.context() as patch:
            patch.setattr(home, failing, fail)
            with pytest.raises(OSError, match="no space"):
                made_result(**random_run(4)).save(saved, overwrite=True)
        assert open_result(saved).facts == result.facts
        assert [path.name for path in saved.parent.iterdir()] == ["quoter"]

    def test_a_save_that_ended_half_way_is_named(self, saved: Path) -> None:
        """Between the two renames the result from before has another name."""
        left = saved.with_name(".quoter.123.old")
        saved.rename(left)
        with pytest.raises(ResultNotFound, match=rf"the nearest is '{left}'"):
            open_result(saved)


class TestOpening:
    @pytest.mark.parametrize("name", EXACT)
    def test_a_damaged_table_is_named(self, saved: Path, name: str) -> None:
        path = saved / f"{name}.parquet"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with pytest.raises(ResultDamaged, match=rf"{path} is damaged"):
            open_result(saved)
        path.unlink()
        with pytest.raises(ResultDamaged, match=rf"{path} is missing"):
            open_result(saved)

    @pytest.mark.parametrize(
        "damage", [lambda data: data.replace(b'"width": 2', b'"width": 3'), lambda data: data[:-30]]
    )
    def test_damaged_facts_are_named(self, saved: Path, damage: Any) -> None:
        path = saved / "result.json"
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(ResultDamaged, match=r"result\.json cannot be read .*: restore it from a copy"):
            open_result(saved)

    @pytest.mark.parametrize("change", [{"facts": []}, {"facts": None}, {"tables": 3}])
    def test_what_does_not_fit_is_damage(self, saved: Path, change: dict[str, Any]) -> None:
        self.rewrite(saved, change)
        with pytest.raises(ResultDamaged):
            open_result(saved)

    def test_a_later_schema_asks_for_an_upgrade(self, saved: Path) -> None:
        self.rewrite(saved, {"schema": 2})
        with pytest.raises(ResultTooNew, match="result schema 2, this hftlab reads up to 1: upgrade hftlab"):
            open_result(saved)

    def test_a_result_json_of_something_else(self, saved: Path) -> None:
        self.rewrite(saved, {"format": "a game's"})
        with pytest.raises(ResultNotFound, match="belongs to something else"):
            open_result(saved)

    def rewrite(self, folder: Path, change: dict[str, Any]) -> None:
        path = folder / "result.json"
        said = json.loads(path.read_text()) | change
        del said["checksum"]
        path.write_text(json.dumps(said))

    def test_a_folder_that_is_none_names_the_nearest(self, saved: Path) -> None:
        with pytest.raises(ResultNotFound, match=rf"it has no result\.json.*the nearest is '{saved}'"):
            open_result(saved.with_name("qouter"))
        with pytest.raises(ResultNotFound, match=r"that result\.save\(\) has made$"):
            open_result(saved / "fills.parquet" / "x")

    def test_a_session_is_called_one(self, tmp_path: Path) -> None:
        folder = write_session(tmp_path / "day", [(1, numbered(1))]).folder
        with pytest.raises(ResultNotFound, match=r"but a session: open it with hl\.open_session") as caught:
            open_result(folder)
        assert caught.value.paste == f"hl.open_session({str(folder)!r})"


def test_a_result_outlives_a_copy_of_its_folder(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "copy")
    assert_same(open_result(tmp_path / "copy").summary().to_dict(), open_result(saved).summary().to_dict())
