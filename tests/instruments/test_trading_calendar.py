"""Trading sessions against the library's own calendars, and what it costs not to ask for them."""

from __future__ import annotations

import subprocess
import sys
import warnings
from datetime import date, timedelta

import pytest

from hftlab.instruments.trading_calendar import has_calendar, trading_session


@pytest.mark.no_cover
@pytest.mark.parametrize(("venue", "market"), [("NASDAQ", "XNAS"), ("NYSE", "XNYS"), ("IEX", "XNYS"), ("LSE", "XLON")])
def test_every_day_of_a_year_is_as_the_library_has_it(venue: str, market: str) -> None:
    import exchange_calendars

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = exchange_calendars.get_calendar(market, start="2023-12-01", end="2025-02-01")
    for number in range(366):
        day = date(2024, 1, 1) + timedelta(days=number)
        session, text = trading_session(venue, day), day.isoformat()
        assert (session is not None) == calendar.is_session(text)
        if session is not None:
            assert session == (calendar.session_open(text).value, calendar.session_close(text).value)


def test_only_some_venues_have_one() -> None:
    assert [has_calendar(name) for name in ("NASDAQ", "NYSE", "IEX", "LSE", "BINANCE", "KRAKEN")] == [True] * 4 + [
        False
    ] * 2


def test_the_library_is_imported_when_it_is_asked_only() -> None:
    code = "import sys, hftlab.instruments as i; i.BINANCE.phase_at(0); print('pandas' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"
