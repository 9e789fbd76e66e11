"""Names of wires."""

from __future__ import annotations

import pytest

from hftlab.errors import ArgumentError
from hftlab.server.native.wires import check_wire


def test_a_wire_is_known_or_an_error_names_those_that_are() -> None:
    check_wire(None)
    check_wire("binance")
    check_wire("kraken")
    with pytest.raises(ArgumentError, match="'binanse' is not known: give 'binance' or 'kraken'"):
        check_wire("binanse")


def test_what_is_of_a_wire_needs_one() -> None:
    check_wire("binance", market="spot")
    check_wire(None, market=None)
    with pytest.raises(ArgumentError, match="market='spot' is for a recording in a venue's own wire: give wire="):
        check_wire(None, market="spot")
