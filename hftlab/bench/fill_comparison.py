"""Fills of the fill core beside those of hftbacktest, order by order, each difference with the rules it is due to."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from hftlab.backtest.blocks import MarketRows
from hftlab.backtest.fill_models import FillModel
from hftlab.bench.peer_rules import Rule, every_rule, fills_by_rules
from hftlab.bench.peer_run import Fill, fills_of_core, fills_of_core_alone, fills_of_peer, sent_orders
from hftlab.clock import NANOSECONDS
from hftlab.events import EventBatch
from hftlab.venues.hftbacktest import encode

__all__ = ["Comparison", "compare_fills"]


class Comparison(NamedTuple):
    """Orders that were sent to both, and how many fill differently for which reasons.

    A reason is a set of hftbacktest's rules (see Rule) that gives its fills, or "shared": others of one's own at the
    price had the trade, which hftbacktest gives to each of them. "unexplained" is what no rules explain.
    """

    orders: int
    filled: int
    filled_by_peer: int
    same: int
    reasons: dict[str, int]
    version: str

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as a row, with the reasons in one text."""
        said = ", ".join(f"{name}: {count}" for name, count in self.reasons.items()) or "none"
        return self._asdict() | {"reasons": said}


def compare_fills(
    rows: MarketRows, model: FillModel, *, lots: int, latency: int = 5_000_000, rest: int = 10 * NANOSECONDS
) -> Comparison:
    """Send an order a second on each side at the best price to both, each to rest for `rest` ns.

    `rows` are those of price levels of one instrument. Raises HftlabError if hftbacktest is not installed.
    """
    batches: list[EventBatch] = []
    while (block := rows.block(len(batches))) is not None:
        batches.append(block.batch)
    events, instrument = encode(EventBatch.concat(batches)), rows.instruments[0]
    resting = sent_orders(rows, every=NANOSECONDS, rest=rest, lots=lots, latency=latency)
    theirs, version = fills_of_peer(events, instrument, resting, model)
    ours = fills_of_core(rows, resting, model)
    unlike = [place for place, fills in enumerate(ours) if _at_times(fills) != _at_times(theirs[place])]
    alone = fills_of_core_alone(rows, resting, model, unlike)
    by_rules = fills_by_rules(events, instrument, resting, model, every_rule())
    reasons: Counter[str] = Counter()
    for place in unlike:
        variants = {rule: fills[place] for rule, fills in by_rules.items()}
        reasons[_reason(ours[place], alone[place], theirs[place], variants)] += 1
    return Comparison(
        orders=len(ours),
        filled=sum(map(bool, ours)),
        filled_by_peer=sum(map(bool, theirs)),
        same=len(ours) - len(unlike),
        reasons=dict(reasons.most_common()),
        version=version,
    )


def _at_times(fills: list[Fill]) -> dict[int, int]:
    """Return the lots filled at each time: a trade may be told in parts."""
    lots: dict[int, int] = {}
    for fill in fills:
        lots[fill.at] = lots.get(fill.at, 0) + fill.lots
    return lots


def _reason(ours: list[Fill], alone: list[Fill], theirs: list[Fill], variants: dict[Rule, list[Fill]]) -> str:
    found = [] if _at_times(ours) == _at_times(alone) else ["shared"]
    if _at_times(alone) == _at_times(theirs):
        return " + ".join(found)
    if _at_times(variants[Rule.OURS]) != _at_times(alone):
        return "unexplained"
    rules = next((rule for rule, fills in variants.items() if _at_times(fills) == _at_times(theirs)), None)
    if rules is None:
        return "unexplained"
    names = [str(rule.name).lower().replace("_", " ") for rule in rules]
    return " + ".join([*found, *names])
