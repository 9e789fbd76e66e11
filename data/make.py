"""Makes the recordings in this folder: python data/make.py [FOLDER]. Every run gives the same messages."""

import sys
from pathlib import Path

from hftlab.clock import NANOSECONDS, Clock
from hftlab.session import SessionWriter
from hftlab.simulator import RandomWalk

START = 1_767_364_200 * NANOSECONDS  # 2026-01-02 14:30 UTC, when New York opens
SECONDS = 30


def make_walk(folder: Path) -> None:
    """Record thirty seconds of the random walk, each message received at the time it was sent."""
    walk = RandomWalk(7, clock=Clock(START, paused=True))
    writer = SessionWriter(folder, source={"name": walk.name, "kind": "simulator", "seed": 7}, overwrite=True)
    while (at := walk.next_time()) < START + SECONDS * NANOSECONDS:
        for message in walk.advance(at):
            writer.append(message, at)
    writer.close()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    make_walk(target / "walk")
