"""Strategies that can be swept: their parameters, and their bytes for other processes."""

from __future__ import annotations

import functools
import threading
from typing import Any

import cloudpickle
import pytest

import hftlab as hl
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.sweeps.subject import Subject, made, pickled
from tests.sweeps.strategies import Joiner, joiner, maker, taker


class TestParameters:
    def test_of_a_class_a_compiled_strategy_and_a_function(self) -> None:
        assert Subject(Joiner).parameters == ["size", "ticks", "fault"]
        assert Subject(maker).parameters == ["ticks", "lots"]
        assert Subject(joiner).parameters == ["ticks"]
        assert Subject(functools.partial(joiner, ticks=3)).name == "tests.sweeps.strategies:joiner"

    def test_of_a_step_without_any(self) -> None:
        @hl.compiled(every="1s")
        def idle(market, orders):  # type: ignore[no-untyped-def]
            pass

        assert Subject(idle).parameters == []
        assert not Subject(idle).takes("_")

    def test_are_checked(self) -> None:
        with pytest.raises(ArgumentError, match=r"has no parameter 'sise' \(nearest: 'size'\): it has size, ticks"):
            Subject(Joiner).check({"sise": 1})
        with pytest.raises(ArgumentError, match="joiner needs the parameter ticks: put it into the grid"):
            Subject(joiner).check({"size": 3})
        with pytest.raises(ArgumentError, match=r"parameter lots of maker is 1\.5: it is a whole number"):
            Subject(maker).check({"lots": 1.5})
        Subject(joiner).check({"ticks": 1, "size": 3})


class _Callable:
    def __call__(self) -> Joiner:
        return Joiner()


@pytest.mark.parametrize("strategy", [7, "Joiner", dict, _Callable()])
def test_what_is_not_a_strategy(strategy: Any) -> None:
    with pytest.raises(ArgumentTypeError, match=r"give a class derived from hl\.Strategy, a strategy of @hl\.compiled"):
        Subject(strategy)


def test_one_object_is_not_for_all_runs() -> None:
    with pytest.raises(ArgumentTypeError, match="is one object for all runs: give its class"):
        Subject(Joiner())  # type: ignore[arg-type]


class TestBytes:
    def test_a_class_of_a_function_goes_by_value(self) -> None:
        class Own(Joiner):
            pass

        again = cloudpickle.loads(Subject(Own).to_bytes())
        assert again is not Own or again().size == 100
        assert made(again, {"ticks": 3}).ticks == 3  # type: ignore[union-attr]

    def test_a_compiled_strategy_goes_without_its_machine_code(self) -> None:
        """Other processes compile it for themselves."""
        assert maker.step is not None
        again = cloudpickle.loads(Subject(maker(lots=7)).to_bytes())
        assert again.parameters == {"ticks": 0, "lots": 7}
        assert again._step.code is None
        assert len(Subject(maker).to_bytes()) < 10_000

    def test_what_cannot_leave_the_process(self) -> None:
        lock = threading.Lock()

        class Locked(Joiner):
            def __init__(self) -> None:
                super().__init__()
                self.lock = lock

        with pytest.raises(ArgumentError, match="which the code names, cannot be sent to another process"):
            Subject(Locked)
        with pytest.raises(ArgumentError, match="the value cannot be sent"):
            pickled(lock, "the value")


def test_a_function_makes_a_strategy() -> None:
    assert isinstance(made(joiner, {"ticks": 1}), Joiner)
    with pytest.raises(ArgumentTypeError, match="taker has returned 3: it is to make an object of a class"):
        made(taker, {"ticks": 3})  # type: ignore[arg-type]
