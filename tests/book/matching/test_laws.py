"""What must hold whatever the orders are."""

from __future__ import annotations

from collections import Counter

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.book.matching import MatchingEngine, Result
from hftlab.book.matching.entries import Action, Status, TradingPhase, new_entries
from hftlab.events import ASK, BID, EventBatch
from tests.book.matching.streams import SHARES, STREAMS, Step, compiled_run, entries_of, random_stream
from tests.reference_book import ReferenceBook, event_of

MIXED = st.one_of(STREAMS, st.builds(random_stream, st.integers(0, 2**32), st.integers(1, 200)))
FEW = settings(max_examples=25)


def visible(engine: MatchingEngine) -> list[list[tuple[int, int, int]]]:
    """Every queue the public can see: (id, price, size) in the order of their execution."""
    return [[(one.id, one.price, one.size) for one in engine[share].queue(side)] for share in SHARES for side in "BA"]


def queues(books: list[ReferenceBook]) -> list[list[tuple[int, int, int]]]:
    return [
        [(order.order_id, ticks, order.lots) for ticks, *_ in book.levels(side) for order in book.queue(side, ticks)]
        for book in books
        for side in "BA"
    ]


@FEW
@given(MIXED)
def test_shares_and_cash_only_change_hands(stream: list[Step]) -> None:
    """Over all owners nothing comes into being, and what the fills say of each order adds up with its updates."""
    engine, result = compiled_run(entries_of(stream))
    shares: Counter[tuple[int, int]] = Counter()
    cash: Counter[tuple[int, int]] = Counter()
    filled: Counter[int] = Counter()
    for fill in result.fills:
        instrument, price, size = int(fill["instrument"]), int(fill["price"]), int(fill["size"])
        assert price > 0
        assert size > 0
        for party, sign in (("buy", 1), ("sell", -1)):
            shares[instrument, int(fill[f"{party}_owner"])] += sign * size
            cash[instrument, int(fill[f"{party}_owner"])] -= sign * size * price
            filled[int(fill[f"{party}_id"])] += size
    for account in (shares, cash):
        for number in range(len(SHARES)):
            assert sum(total for (instrument, _), total in account.items() if instrument == number) == 0
    check_every_lot(engine, result, filled)


def check_every_lot(engine: MatchingEngine, result: Result, filled: Counter[int]) -> None:
    """Of each order: accepted = filled + cancelled + reduced + taken away by replacing + still open."""
    wanted: Counter[int] = Counter()
    gone: Counter[int] = Counter()
    replaced = set()
    for update in result.updates:
        number, size = int(update["id"]), int(update["size"])
        if update["status"] == Status.ACCEPTED:
            wanted[number] = size
        elif update["status"] in (Status.CANCELLED, Status.REDUCED):
            gone[number] += size
        elif update["status"] == Status.REPLACED:
            replaced.add(number)
    left = {int(order["id"]): int(order["shown"] + order["hidden"]) for order in engine.state.orders if order["id"]}
    assert len(left) == len(engine)
    for number in set(wanted) - replaced:
        assert wanted[number] == filled[number] + gone[number] + left.get(number, 0)


@FEW
@given(MIXED)
def test_no_book_is_crossed_in_continuous_trading(stream: list[Step]) -> None:
    engine = MatchingEngine(SHARES)
    entries = entries_of(stream)
    for row in range(len(entries)):
        engine.submit(entries[row : row + 1])
        for share in SHARES:
            bid, ask = engine[share].best()
            if engine[share].phase == TradingPhase.CONTINUOUS and bid and ask:
                assert bid[0] < ask[0]


@FEW
@given(MIXED)
def test_who_is_filled_was_first(stream: list[Step]) -> None:
    """Each public fill is of the order that the public sees at the head of its side's best price."""
    _, result = compiled_run(entries_of(stream))
    books = [ReferenceBook(share.tick) for share in SHARES]
    for row in range(len(result.events)):
        event, book = event_of(result.events, row), books[result.events.instrument_id[row]]
        if event.action == "F":
            best, _, _ = book.levels(event.side)[0]
            first = book.queue(event.side, best)[0]
            assert (first.order_id, best * book.tick) == (event.order_id, event.price)
            assert event.lots <= first.lots
        elif event.action in "ACMR":
            assert book.change(event) is None


@FEW
@given(MIXED, st.integers(1, 50))
def test_the_public_events_rebuild_the_book(stream: list[Step], chunk: int) -> None:
    """By the slow book and by BookSet, at the end of every submission, order by order; without an anomaly."""
    engine, entries = MatchingEngine(SHARES), entries_of(stream)
    books, slow = BookSet(), [ReferenceBook(share.tick) for share in SHARES]
    books.apply(engine.take().events)
    for at in range(0, len(entries), chunk):
        events = engine.submit(entries[at : at + chunk]).events
        books.apply(events)
        for row in range(len(events)):
            event = event_of(events, row)
            if event.action in "ACMR":
                assert slow[events.instrument_id[row]].change(event) is None
        assert queues(slow) == visible(engine)
        for share in SHARES:
            assert (books[share].bids(99), books[share].asks(99)) == (engine[share].bids(99), engine[share].asks(99))
    assert set(books.anomalies) <= {"crossed"}


@FEW
@given(MIXED)
def test_each_step_ends_with_f_last_and_a_whole_book(stream: list[Step]) -> None:
    """Rows of one sequence number end with the only F_LAST; there the trades of the step equal its fills."""
    _, result = compiled_run(entries_of(stream))
    events = result.events
    sequences, flags = events.sequence.tolist(), events.flags.tolist()
    for row, (sequence, flag) in enumerate(zip(sequences, flags, strict=True)):
        is_last = row + 1 == len(events) or sequences[row + 1] != sequence
        assert (flag == 128) == is_last
    assert sequences == sorted(sequences)
    assert trades(events) == result.fills[["sequence", "size", "aggressor"]].tolist()


def trades(events: EventBatch) -> list[tuple[int, int, int]]:
    rows = events.action == ord("T")
    columns = (events.sequence[rows], events.size[rows], events.side[rows])
    return list(zip(*(column.tolist() for column in columns), strict=True))


@FEW
@given(MIXED)
def test_cancelling_everything_leaves_nothing(stream: list[Step]) -> None:
    engine, _ = compiled_run(entries_of(stream))
    # Those that wait go first: a cancel of what is displayed changes the quotes, which may release a stop.
    waiting = [one.id for share in SHARES for one in engine[share].waiting()]
    live = [*waiting, *({int(order["id"]) for order in engine.state.orders if order["id"]} - set(waiting))]
    result = engine.submit(new_entries(len(live), action=Action.CANCEL, id=live))
    # With one order less in its way, one that is all or none may trade before its own cancel comes.
    refused, cancelled = (
        {int(row["id"]) for row in result.updates if row["status"] == status}
        for status in (Status.REJECTED, Status.CANCELLED)
    )
    assert refused <= cancelled.union(result.fills["buy_id"].tolist(), result.fills["sell_id"].tolist())
    assert set(result.updates["status"].tolist()) <= {Status.CANCELLED, Status.REJECTED}
    assert len(engine) == 0
    assert visible(engine) == [[], [], [], []]
    for name in ("length", "orders", "chunks"):
        assert not engine.state.sides[name].any()


@FEW
@given(MIXED, st.lists(st.integers(1, 60), max_size=8))
def test_it_does_not_matter_how_orders_are_cut_into_submissions(stream: list[Step], cuts: list[int]) -> None:
    entries = entries_of(stream)
    _, whole = compiled_run(entries)
    engine, parts, at = MatchingEngine(SHARES), [], 0
    for cut in [*cuts, len(entries)]:
        parts.append(engine.submit(entries[at : at + cut]))
        at = min(at + cut, len(entries))
    assert [row for part in parts for row in part.updates.tolist()] == whole.updates.tolist()
    assert [row for part in parts for row in part.fills.tolist()] == whole.fills.tolist()
    assert EventBatch.concat(part.events for part in parts).to_polars().equals(whole.events.to_polars())


@FEW
@given(MIXED, st.integers(0, 2**16), st.integers(1, 30), st.integers(95, 105))
def test_a_moved_order_trades_as_a_new_one_in_its_place(stream: list[Step], choice: int, size: int, price: int) -> None:
    """A replacement at another price, or of more lots, trades what a cancel and a new order would trade."""
    moved, other = (compiled_run(entries_of(stream))[0] for _ in range(2))
    resting = [one for side in "BA" for one in moved["ONE"].queue(side)]
    assume(resting and moved["ONE"].phase == TradingPhase.CONTINUOUS)
    old = resting[choice % len(resting)]
    order = next(row for row in moved.state.orders if row["id"] == old.id).copy()
    assume(price != order["price"] or size > order["shown"] + order["hidden"])
    cancelled = other.cancel(old.id)
    assume(not len(cancelled.fills) and len(cancelled.updates) == 1)  # the cancel itself sets nothing off
    names = ("owner", "type", "in_force", "display", "post_only", "prevention")
    fields = {name: int(order[name]) for name in names}
    found = moved.replace(old.id, size, price)
    new_id = other.next_id
    side = BID if order["bid"] else ASK
    wanted = other.submit(new_entries(1, side=side, price=price, size=size, **fields))
    assume(not {Status.REJECTED} & {*found.updates["status"].tolist(), *wanted.updates["status"].tolist()})
    for result, number in ((found, old.id), (wanted, new_id)):
        for name in ("buy_id", "sell_id"):
            result.fills[name][result.fills[name] == number] = 0
    names = ("price", "size", "aggressor", "buy_id", "sell_id")
    assert [found.fills[name].tolist() for name in names] == [wanted.fills[name].tolist() for name in names]
