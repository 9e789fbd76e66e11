"""Instruments that are met one after another, against one Processor that knows them all from the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.events import EventBatch
from hftlab.market import Processor
from hftlab.market.growing_processor import GrowingProcessor
from hftlab.venues import kraken
from tests.venues.kraken_captures import snapshot, update, write_capture

PAIRS = ("A/X", "B/X", "C/X")


@pytest.mark.parametrize("pace", [0, 4_000_000_000])
@pytest.mark.parametrize("chunk", [1, 4, 1000])
def test_the_messages_are_those_of_a_processor_that_knows_all(tmp_path: Path, pace: int, chunk: int) -> None:
    rounds = [
        [update({"9": f"{turn}"}, {}, pair=pair) for pair in PAIRS[: turn + 1]] for turn in range(1, len(PAIRS) + 2)
    ]
    starts = [[snapshot({"9": "1"}, {"10": "1"}, pair=pair)] for pair in PAIRS]
    path = write_capture(tmp_path / "capture", *starts[0], *starts[1], *rounds[0], *starts[2], *rounds[1], *rounds[2])
    growing, messages = GrowingProcessor(10, pace), []
    for batch in kraken.read(path, chunk=chunk):
        messages += growing.process(batch)
    messages += growing.flush()
    whole = EventBatch.concat(kraken.read(path))
    processor = Processor(whole.instruments, 10, pace=pace)
    expected = [*processor.process(whole), *processor.flush()]
    key = str
    assert sorted(messages, key=key) == sorted(expected, key=key)
    assert {symbol.symbol for _, message in messages for symbol in message.symbols} == set(PAIRS)
    if pace == 0:
        assert messages == expected
    assert growing.filtered == processor.filtered
