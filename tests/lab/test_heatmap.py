from __future__ import annotations

from pathlib import Path

import pytest

import hftlab as hl
from hftlab.errors import ArgumentTypeError

FLASH = Path(__file__).parents[2] / "data" / "flash"


def test_of_a_session_it_shows_the_first_symbol_or_the_one_given():
    session = hl.open_session(FLASH)
    for symbol in (None, "MSFT"):
        heatmap = hl.heatmap(session, symbol)
        assert heatmap.symbol == (symbol or "AAPL")
        assert "14:30:00" in heatmap.picture().svg
        heatmap.close()


def test_of_a_client_it_shows_what_comes():
    with hl.serve(hl.simulator.RandomWalk(7), port=0) as server, hl.connect(server.url) as client:
        with pytest.raises(ValueError, match="subscribe"):
            hl.heatmap(client)
        client.subscribe(["MSFT"])
        for heatmap in (hl.heatmap(client), client.heatmap("MSFT")):
            assert heatmap.symbol == "MSFT"
            heatmap.close()


def test_other_things_have_none():
    with pytest.raises(ArgumentTypeError, match="a client or a session, got str"):
        hl.heatmap("AAPL")
    for wrong in (["AAPL"], 3):
        with pytest.raises(ArgumentTypeError, match=r"hl.heatmap\(\) takes one symbol, such as 'AAPL'"):
            hl.heatmap(hl.open_session(FLASH), wrong)
