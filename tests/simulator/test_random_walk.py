"""The generator against the reference document's formulas, by a slow second implementation fed the same uniforms."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hftlab import protocol
from hftlab.clock import Clock
from hftlab.simulator import RandomWalk
from tests.reference_document import document

START = 1_700_000_000_000_000_000
TENTH = 100_000_000


def walk(seed: int | np.random.Generator) -> RandomWalk:
    return RandomWalk(seed, clock=Clock(START, paused=True))


def js_round(value: float) -> float:
    """Math.round(value * 100) / 100."""
    return float(np.floor(value * 100 + 0.5)) / 100


def documents_symbols() -> list[tuple[str, float, float]]:
    pattern = r"symbol: '([\w.]+)', basePrice: ([\d.]+), volatility: ([\d.]+)"
    return [(name, float(base), float(volatility)) for name, base, volatility in re.findall(pattern, document())]


def test_symbols_prices_and_formulas_are_the_documents() -> None:
    """Every field of 50 updates, recomputed line by line from the document's code with the document's own table."""
    configs = documents_symbols()
    assert len(configs) == 8
    uniforms = np.random.default_rng(7)
    prices = {name: base for name, base, _ in configs}
    messages = walk(7).advance(START + 49 * TENTH)
    assert len(messages) == 50
    for message in messages:
        draws = uniforms.random((8, 25))
        assert [one.symbol for one in message.symbols] == [name for name, _, _ in configs]
        for one, (name, base, volatility), math_random in zip(message.symbols, configs, map(iter, draws), strict=True):
            current = prices[name]
            price = max(0.01, current + (next(math_random) - 0.5) * volatility * current)
            prices[name] = price
            spread = price * (0.0001 + next(math_random) * 0.0004)
            bid, ask = price - spread / 2, price + spread / 2
            assert one.price == js_round(price)
            assert (one.bid, one.ask) == (js_round(bid), js_round(ask))
            assert one.volume == 1000000 + int(next(math_random) * 5000000)
            assert one.bid_size == 100 + int(next(math_random) * 2000)
            assert one.ask_size == 100 + int(next(math_random) * 2000)
            assert one.change == js_round(price - base)
            assert one.change_percent == js_round((price - base) / base * 100)
            assert (one.high, one.low) == (js_round(price * 1.02), js_round(price * 0.98))
            assert (one.open, one.previous_close) == (base, base)
            for levels, best, step in ((one.bids, bid, -0.01), (one.asks, ask, 0.01)):
                assert levels is not None
                assert len(levels) == 5
                for index, level in enumerate(levels):
                    assert level.price == js_round(best + step * index)
                    assert level.size == 100 + int(next(math_random) * 2000)
                    assert level.orders == 1 + int(next(math_random) * 10)


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (b"".join(map(protocol.encode, walk(3).advance(START + 20 * TENTH))) for _ in range(2))
    assert first == second
    assert first != b"".join(map(protocol.encode, walk(4).advance(START + 20 * TENTH)))


def test_a_generator_can_be_handed_in() -> None:
    assert walk(np.random.default_rng(3)).advance(START) == walk(3).advance(START)


def test_it_does_not_matter_in_what_steps_time_advances() -> None:
    whole, steps = walk(1), walk(1)
    together = whole.advance(START + 10 * TENTH)
    apart = [message for tenth in range(11) for message in steps.advance(START + tenth * TENTH)]
    assert apart == together
    assert whole.next_time() == steps.next_time() == START + 11 * TENTH


def test_messages_are_numbered_and_stamped() -> None:
    first, second = walk(1).advance(START + TENTH)
    assert (first.sequence, second.sequence) == (1, 2)
    assert (first.timestamp, second.timestamp) == (1_700_000_000_000.0, 1_700_000_000_100.0)
    assert first.id == "md_1700000000000"
    assert second.symbols[0].timestamp == second.timestamp


def test_every_message_is_valid_on_the_wire() -> None:
    for message in walk(5).advance(START + 100 * TENTH):
        assert protocol.decode(protocol.encode(message)) == message


@pytest.mark.parametrize("interval", [0, -1, 0.005, 1.5, float("nan"), float("inf")])
def test_an_interval_is_a_number_of_nanoseconds(interval: float) -> None:
    """Seconds, as somebody may take it for, would be an endless number of messages."""
    with pytest.raises(ValueError, match="interval is in nanoseconds, a whole number from 1"):
        RandomWalk(interval=interval)  # type: ignore[arg-type]
