from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.errors import CaptureError
from hftlab.instruments import UNIT, Instrument
from hftlab.venues import kraken
from hftlab.venues.kraken.survey import Survey
from tests.venues.kraken_captures import PAIR, snapshot, update, write_capture


class TestSurvey:
    def test_takes_the_last_decimals_of_the_whole_file(self, path: Path) -> None:
        changed = update({"100.10": "1.0000"}, {}), update({}, {"101.000": "2.00"})
        survey = Survey(write_capture(path, snapshot({}, {}), *changed))
        instrument = survey.instrument(PAIR)
        assert instrument == Instrument(PAIR, kraken.KRAKEN, UNIT // 1000, UNIT // 10_000, "EUR")
        assert not survey.is_written_in(instrument)

    def test_knows_pairs_that_are_written_alike(self, path: Path) -> None:
        survey = Survey(write_capture(path, snapshot({"1.10": "1.000"}, {"1.20": "0.500"})))
        assert survey.is_written_in(survey.instrument(PAIR))
        assert not survey.is_written_in(Instrument(PAIR, kraken.KRAKEN, UNIT // 1000, UNIT // 1000, "EUR"))

    def test_ends_at_the_first_damage_which_is_the_readers(self, path: Path) -> None:
        survey = Survey(write_capture(path, snapshot({"1.1": "1"}, {}), b"damage", snapshot({"1.11": "1"}, {})))
        assert survey.instrument(PAIR).tick == UNIT // 10

    def test_names_the_pairs_that_there_are(self, path: Path) -> None:
        write_capture(path, snapshot({"1.1": "1"}, {}))
        assert kraken.detect_instrument(path, PAIR).tick == UNIT // 10
        with pytest.raises(CaptureError, match="has no pair BTC/USD: it has XBT/EUR"):
            kraken.detect_instrument(path, "BTC/USD")


class TestGivenInstrument:
    def test_is_used_as_it_is(self, path: Path) -> None:
        given = Instrument(PAIR, kraken.KRAKEN, UNIT // 100, UNIT // 1000, "EUR")
        write_capture(path, snapshot({"1.1": "1"}, {}), snapshot({"2.25": "1"}, {}, pair="A/B"))
        reader = kraken.read(path, instrument=given)
        (batch,) = reader
        assert (reader.instruments[0], reader.instruments[1].tick) == (given, UNIT // 100)
        assert batch.size.tolist() == [0, 1000, 0, 1]

    def test_must_hold_the_numbers(self, path: Path) -> None:
        given = Instrument(PAIR, kraken.KRAKEN, UNIT, UNIT, "EUR")
        write_capture(path, snapshot({"1.5": "1"}, {}))
        with pytest.raises(CaptureError, match=r"'1\.5', not a multiple of the tick of XBT/EUR, 1: .* tick=0\.5, or"):
            list(kraken.read(path, instrument=given))
