"""Runs of a sweep: sessions of all kinds, names that tell them apart, and arguments that are checked at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hftlab as hl
from hftlab.backtest import FillModel, Latency
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.sweeps import plan
from hftlab.sweeps.plan import PlannedRun, planned_runs
from hftlab.sweeps.subject import Subject
from hftlab.sweeps.value_identity import value_identity
from tests.sweeps.recordings import two_days
from tests.sweeps.strategies import Joiner

ARGUMENTS = {"fill": None, "latency": None, "fees": None, "cash": 1e6, "terms": None, "seed": None}


def runs(sessions: Any, grid: Any = None, parameters: Any = None, **arguments: Any) -> list[PlannedRun]:
    return list(planned_runs(Subject(Joiner), sessions, grid, parameters, ARGUMENTS | arguments).values())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three sessions, one of which cannot be read."""
    folder = tmp_path_factory.mktemp("data")
    for name, session in zip(("monday", "tuesday"), two_days(), strict=True):
        shutil.copytree(session.folder, folder / name)
    (folder / "wednesday").mkdir()
    (folder / "wednesday" / "manifest.json").write_text("{")
    return folder


class TestSessions:
    def test_one_or_several_by_path_or_opened(self, data: Path) -> None:
        assert [one.run.session for one in runs(str(data / "monday"))] == ["monday"]
        mixed = [data / "tuesday", hl.open_session(data / "monday"), data / "tuesday"]
        assert [one.run.session for one in runs(mixed)] == ["tuesday", "monday"]

    def test_of_a_catalogue_those_that_can_be_read(self, data: Path) -> None:
        with pytest.warns(UserWarning, match=r"left out of the sweep: .*wednesday"):
            found = runs(hl.sessions(data))
        assert [one.run.session for one in found] == ["monday", "tuesday"]

    def test_of_one_name_are_told_apart_by_their_folders(self) -> None:
        assert [one.run.session for one in runs(two_days())] == [str(one.folder) for one in two_days()]

    def test_what_is_none(self) -> None:
        with pytest.raises(ArgumentTypeError, match="sessions is 7: give a session or its folder, a list of them"):
            runs(7)
        with pytest.raises(ArgumentError, match="there are no sessions to run on"):
            runs([])


class TestGrid:
    def test_may_have_each_argument_that_is_not_given(self) -> None:
        assert len(runs(two_days()[0], {"cash": [1e5, 1e6], "seed": [0, 1]})) == 4

    @pytest.mark.parametrize(("name", "given"), [("seed", 0), ("cash", 5e5), ("cash", 0.0)])
    def test_has_nothing_that_is_given(self, name: str, given: float) -> None:
        with pytest.raises(ArgumentError, match=f"'{name}' is in the grid and given as well"):
            runs(two_days()[0], {name: [1, 2]}, **{name: given})


class TestKeys:
    def test_are_of_all_that_decides_what_comes_of_a_run(self) -> None:
        day = two_days()[0]
        found = [
            runs(day),
            runs(two_days()[1]),
            runs(day, parameters={"size": 50}),
            runs(day, {"size": [50, 51]}),
            runs(day, fill="log"),
            runs(day, seed=1),
            runs(day, cash=1.0),
            runs(day, fees=hl.trading.Commission(maker_bps=1)),
        ]
        keys = [one.run.key for each in found for one in each]
        # 50 in the grid is 50 for all runs.
        assert len(set(keys)) == len(keys) - 1
        assert runs(day)[0].run.key == keys[0]

    def test_what_is_asked_for_twice_is_run_once(self) -> None:
        assert len(runs(two_days(), {"size": [1, 1, 2]})) == 4
        assert len(runs(two_days()[0], [{"size": 1}, {"size": 1}])) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"fill": "fof"}, "no fill model"),
        ({"fill": 3}, "fill is 3: give a name such as 'risk_averse'"),
        ({"latency": "5ms"}, "latency is '5ms': give the parts"),
        ({"seed": -1}, "seed"),
    ],
)
def test_arguments_are_checked_before_the_first_run(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        runs(two_days()[0], **arguments)
    with pytest.raises(ArgumentError, match=said):
        runs(two_days()[0], {name: [value] for name, value in arguments.items()})


def test_a_model_may_be_an_object() -> None:
    assert len(runs(two_days()[0], {"fill": [FillModel("power", 3), "power(3)"]})) == 2


def test_settings_are_those_of_value_identity() -> None:
    """Rows that older versions have kept are found by them."""
    values = [1, 1.0, True, "1", (1, 2), [1, 2], None, np.datetime64(3, "s"), Latency(entry="1ms"), runs]
    for planned, value in zip(runs(two_days()[0], {"size": values}, fill="power"), values, strict=True):
        arguments = {**ARGUMENTS, "fill": "power"}
        expected = value_identity({"parameters": {"size": value}, "arguments": arguments})
        assert planned.run.settings == json.dumps(expected, sort_keys=True)


def test_what_points_share_is_looked_at_once_and_planning_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(plan, "value_identity", lambda value: [asked.append(value), str(value)])
    grid = {"size": list(range(30)), "ticks": list(range(40)), "seed": [7]}
    planned = planned_runs(Subject(Joiner), two_days(), grid, None, ARGUMENTS, lambda *done: told.append(done))
    assert len(planned) == 2 * 1200
    assert len(asked) <= 40 + len(ARGUMENTS)  # small numbers are the same objects
    assert told == [(0, 1200), (500, 1200), (1000, 1200)]
