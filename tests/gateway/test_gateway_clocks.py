from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.gateway.gateway_clocks import GatewayClocks

HOUR = 3_600_000_000_000
SECOND = 1_000_000_000


@given(st.integers(-HOUR, HOUR), st.lists(st.integers(0, SECOND), min_size=1, max_size=40), st.integers(0, 60 * SECOND))
def test_the_age_is_what_a_message_has_waited_whatever_the_clocks_say(skew: int, ways: list[int], waited: int) -> None:
    clocks = GatewayClocks()
    for number, way in enumerate(ways):
        clocks.hear("g", number * SECOND + skew, number * SECOND + way)
    sent_at = len(ways) * SECOND
    age = clocks.age("g", sent_at + skew, sent_at + waited)
    assert age == max(0, waited - min(ways[-20:]))


def test_signs_of_life_that_wait_together_do_not_make_old_messages_new() -> None:
    """As of a publisher that hung for half a minute."""
    clocks = GatewayClocks()
    for beat in range(10):
        clocks.hear("g", beat * SECOND, beat * SECOND)
    clocks.hear("g", 10 * SECOND, 40 * SECOND)
    assert clocks.age("g", 10 * SECOND, 40 * SECOND) == 30 * SECOND


def test_a_clock_that_is_set_counts_within_ten_seconds() -> None:
    clocks = GatewayClocks()
    for beat in range(100):
        clocks.hear("g", beat * SECOND + (HOUR if beat < 50 else 0), beat * SECOND)
    assert clocks.age("g", 100 * SECOND, 100 * SECOND) == 0


def test_of_a_gateway_that_was_not_heard_the_clocks_alone_tell() -> None:
    clocks = GatewayClocks()
    assert clocks.age("g", 5, 7) == 2
    assert clocks.age("g", 7, 5) == 0


def test_gateways_of_long_ago_are_forgotten() -> None:
    clocks = GatewayClocks()
    clocks.hear("first", HOUR, 0)
    for number in range(1_000):
        clocks.hear(f"g{number}", 0, 0)
    assert clocks.age("first", HOUR, SECOND) == 0
    assert clocks.age("first", 0, SECOND) == SECOND
    assert len(clocks._delays) == 1_000
