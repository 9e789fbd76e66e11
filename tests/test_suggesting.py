"""Misspelt attributes are answered with the nearest name."""

from __future__ import annotations

import copy
import pickle

import pytest

import hftlab as hl
from hftlab.suggesting import Suggesting


class Part(Suggesting):
    def __init__(self) -> None:
        self.price = 1.0

    @property
    def broken(self) -> float:
        return self.price.nothing  # type: ignore[attr-defined,no-any-return]


def test_the_nearest_attribute_is_named() -> None:
    with pytest.raises(AttributeError, match=r"'Part' object has no attribute 'prise' \(nearest: 'price'\)"):
        _ = Part().prise  # type: ignore[attr-defined]


def test_private_names_are_nobodys_to_suggest() -> None:
    with pytest.raises(AttributeError, match=r"'Part' object has no attribute '_prise'$"):
        _ = Part()._prise  # type: ignore[attr-defined]


def test_the_error_of_a_property_is_its_own() -> None:
    with pytest.raises(AttributeError, match="'float' object has no attribute 'nothing'"):
        _ = Part().broken


def test_copies_and_pickles_work() -> None:
    part = Part()
    assert copy.deepcopy(part).price == pickle.loads(pickle.dumps(part)).price == 1.0


def test_a_session_and_the_package() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'markt_data' \(nearest: 'market_data'"):
        _ = hl.sample("walk").markt_data  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"module 'hftlab' has no attribute 'serv' \(nearest: 'serve'"):
        _ = hl.serv


def test_a_session_that_is_taken_for_a_table_names_its_tables() -> None:
    with pytest.raises(AttributeError, match=r"write session.market_data.filter\(...\)"):
        hl.sample("walk").filter(True)  # type: ignore[attr-defined]
