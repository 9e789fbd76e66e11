"""Made the recordings beside it with hftlab 0.1.0, commit 661c8bf; its package layout is needed to run it again.

From a checkout of that commit: python make.py FOLDER. `whole` is a closed session with events. `crashed` is what a
recording leaves whose process ends: the first messages in Parquet parts, the others in the journal.
"""

import sys
from pathlib import Path

from hftlab.events import EventBatch
from hftlab.protocol import JSON
from hftlab.recorder.event_table import EventTable
from hftlab.recorder.writer import SessionWriter
from tests.batches import Row, make_batch

MESSAGES = (Path(__file__).parent / "messages.ndjson").read_bytes().splitlines()


def events() -> EventBatch:
    return make_batch([Row("A", "B", 100, 5, order=1), Row("C", "B", 100, 5, order=1)])


def write(folder: Path) -> None:
    whole, crashed = (SessionWriter(folder / name, source={"name": "0.1"}) for name in ("whole", "crashed"))
    crashed._segment_bytes = 1
    for number, line in enumerate(MESSAGES):
        for writer in (whole, crashed):
            writer.append(JSON.decode(line), 1_000 + number)
            if number == len(MESSAGES) // 2:
                writer.control("gap", 1_000 + number, channel=1, first=2, last=3, detail="lost")
        if number == len(MESSAGES) // 2:
            crashed.commit()
            crashed._segment_bytes = 1 << 20
    table = EventTable(whole)
    table.add(events())
    table.flush()
    whole.close()
    crashed.commit()
    crashed.abandon()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
