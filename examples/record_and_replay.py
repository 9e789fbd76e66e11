"""Record a live stream into a session, replay it as fast as possible, and compare what arrives.

The recorder and the replay speak to the same kind of server and client: only the source differs.
"""

from pathlib import Path

import hftlab as hl
from hftlab.lab import LabClient

FOLDER = Path("recordings/example")


def prices(client: LabClient, count: int) -> list[float]:
    """The price of AAPL in the next `count` messages of market data."""
    found: list[float] = []
    while len(found) < count:
        message = client.next_message(timeout=30)
        if isinstance(message, hl.protocol.MarketData):
            found += [state.price for state in message.symbols if state.symbol == "AAPL"]
    return found


def main() -> None:
    with hl.serve(hl.simulator.RandomWalk(seed=7), port=0) as server, hl.connect(server.url) as client:
        with hl.record(client, FOLDER, overwrite=True) as recording:
            client.subscribe(["AAPL"], frequency=0)
            live = prices(client, 10)
        session = recording.stop()
    print(session)

    with hl.serve(session.replay(speed=float("inf")), port=0) as server, hl.connect(server.url) as client:
        client.subscribe(["AAPL"], frequency=0)
        again = prices(client, 10)
    assert again == live
    print("the replay has the same prices:", again)


if __name__ == "__main__":
    main()
