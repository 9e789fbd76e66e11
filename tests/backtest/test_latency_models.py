from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.delay_fit import FitReport, PartReport
from hftlab.backtest.delay_models import Autocorrelated, Constant, Lognormal
from hftlab.backtest.latency_models import Latencies, Latency, in_order
from hftlab.backtest.recorded_delays import Recorded
from hftlab.errors import ArgumentError, ArgumentTypeError
from hftlab.trading.venue import RequestKind

START = 1_767_364_200 * 10**9
AT = np.arange(200) * 10**7 + START
SLOW = Autocorrelated("1ms", 0.5, "200us", time_constant="2s")
EVERYTHING = Latency(
    feed=SLOW,
    entry={"new": "2ms", "cancel": Lognormal("1ms", 0.5), "replace": Recorded([START], [5])},
    response=timedelta(milliseconds=2),
    compute=50_000,
    seed=7,
)


class TestArguments:
    def test_lengths_of_time_are_constants(self) -> None:
        latency = Latency(feed="500us", entry=2_000_000, response=timedelta(milliseconds=1))
        assert latency.feed == Constant("500us")
        assert latency.entry == Constant("2ms")
        assert latency.response == Constant("1ms")
        assert latency.compute == Constant(0)

    def test_none_takes_no_time(self) -> None:
        assert Latency.none == Latency() == Latency(feed="0", entry=0, response=0, compute=timedelta(0))
        draws = Latency.none.start()
        parts = [draws.feed, draws.response, draws.compute, *draws.entry.values()]
        assert {part.draw(START) for part in parts} == {0}

    def test_actions_can_be_named_as_the_wire_does(self) -> None:
        entry = dict.fromkeys(RequestKind, "1ms")
        assert Latency(entry=entry) == Latency(entry={"new": "1ms", "cancel": "1ms", "replace": "1ms"})

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ({"feed": -1}, "feed is -1: a latency is at least 0"),
            ({"response": "fast"}, "response is 'fast': a latency is a whole number of nanoseconds"),
            ({"compute": None}, "compute is None: a latency is"),
            ({"entry": {"new": 1, "cancel": "x", "replace": 1}}, r"entry\['cancel'\] is 'x'"),
            ({"entry": {"new": 1, "cancle": 1}}, r"entry has no action 'cancle' \(nearest: 'cancel'\): there are new"),
            (
                {"entry": {"new": 1, "cancel": 1}},
                "entry has no latency for 'replace': give one for each of new, cancel",
            ),
            ({"seed": -1}, "seed is a whole number"),
            ({"seed": None}, "seed is a whole number"),
            ({"seed": "7"}, "seed is a whole number"),
            ({"seed": True}, "seed is a whole number"),
        ],
    )
    def test_what_is_not_a_latency(self, arguments: dict[str, Any], says: str) -> None:
        with pytest.raises(ArgumentError, match=says):
            Latency(**arguments)

    @pytest.mark.parametrize("value", [Latency(), Lognormal])
    def test_a_part_is_a_model_of_one_delay(self, value: Any) -> None:
        with pytest.raises(ArgumentTypeError, match=r"entry is .*: give a length of time such as '5ms', or a model"):
            Latency(entry=value)

    def test_a_class_of_ones_own_is_a_model(self) -> None:
        class Growing(Constant):
            def draw(self, at: int) -> int:
                return at - START

        draws = Latency(entry=Growing(0)).start()
        assert draws.entry["CANCEL"].draw(START + 5) == 5


class TestDraws:
    def test_each_part_has_numbers_of_its_own(self) -> None:
        same = Lognormal("1ms", 0.5)
        draws = Latency(feed=same, entry=same, response=same, compute=same).start()
        parts = [draws.feed, draws.entry["NEW"], draws.response, draws.compute]
        columns = [part.draws(AT).tolist() for part in parts]
        assert len({tuple(column) for column in columns}) == 4

    def test_a_part_does_not_depend_on_what_was_drawn_of_the_others(self) -> None:
        one, other = Latency(feed=SLOW, entry=SLOW, response=SLOW).start(), Latency(feed=SLOW, response="1s").start()
        one.entry["NEW"].draws(AT)
        one.response.draws(AT)
        assert one.feed.draws(AT).tolist() == other.feed.draws(AT).tolist()

    def test_a_slow_period_is_one_for_all_actions(self) -> None:
        """One model for all actions is one sequence; one each are sequences of their own."""
        shared = Latency(entry=SLOW).start().entry
        expected = Latency(entry=SLOW).start().entry["NEW"].draws(AT).tolist()
        kinds = [list(RequestKind)[number % 3] for number in range(len(AT))]
        assert [shared[kind].draw(int(at)) for kind, at in zip(kinds, AT, strict=True)] == expected
        apart = Latency(entry={"new": SLOW, "cancel": SLOW, "replace": SLOW}).start().entry
        assert len({tuple(apart[kind].draws(AT).tolist()) for kind in RequestKind}) == 3

    def test_starts_with_the_same_numbers_each_time_and_others_for_another_seed(self) -> None:
        latency, other = Latency(feed=SLOW, seed=1), Latency(feed=SLOW, seed=2)
        first = latency.start().feed.draws(AT).tolist()
        assert latency.start().feed.draws(AT).tolist() == first
        assert other.start().feed.draws(AT).tolist() != first

    def test_goes_back_to_a_checkpoint(self) -> None:
        def drawn(draws: Latencies) -> list[list[int]]:
            return [part.draws(AT).tolist() for part in (draws.feed, draws.response, *draws.entry.values())]

        for latency in (EVERYTHING, Latency(feed=SLOW, entry=SLOW, response=SLOW)):
            draws = latency.start()
            drawn(draws)
            then = draws.checkpoint()
            expected = drawn(draws)
            draws.restore(then)
            assert drawn(draws) == expected


class TestText:
    def test_is_short(self) -> None:
        assert repr(Latency()) == "Latency()"
        assert repr(Latency(feed="500us", seed=3)) == "Latency(feed='500us', seed=3)"
        assert str(EVERYTHING) == repr(EVERYTHING)
        assert EVERYTHING._repr_html_() is None

    @given(st.integers(0, 10**12), st.integers(0, 10**9), st.integers(0, 9))
    def test_makes_the_latency_again(self, feed: int, new: int, seed: int) -> None:
        latency = Latency(feed=feed, entry={"new": new, "cancel": SLOW, "replace": 0}, seed=seed)
        assert eval(repr(latency), {"Latency": Latency, "Autocorrelated": Autocorrelated}) == latency


class TestDict:
    @pytest.mark.parametrize(
        "latency", [Latency(), EVERYTHING, Latency(feed=SLOW, entry=Lognormal("1ms", 1))], ids=repr
    )
    def test_survives_json(self, latency: Latency) -> None:
        again = Latency.from_dict(json.loads(json.dumps(latency.to_dict())))
        assert again == latency
        assert again.report is None
        assert again.start().feed.draws(AT).tolist() == latency.start().feed.draws(AT).tolist()

    def test_keeps_what_was_found(self) -> None:
        latency = Latency(feed="1ms")
        latency.report = FitReport("day", "constant", 1, 2, 3, {"feed": PartReport(5, 6, 7, 0.5, 0)})
        again = Latency.from_dict(json.loads(json.dumps(latency.to_dict())))
        assert again.report == latency.report
        assert str(again).startswith("Latency(feed='1ms')\nfitted on day (constant):\n")
        assert "<table>" in str(again._repr_html_())

    def test_a_model_of_ones_own_does_not_come_back(self) -> None:
        class Mine(Constant):
            def to_dict(self) -> dict[str, Any]:
                return {"model": "mine"}

        with pytest.raises(ArgumentError, match="saved with the model 'mine', which hftlab does not have"):
            Latency.from_dict(Latency(feed=Mine(5)).to_dict())

    def test_latencies_that_draw_otherwise_differ(self) -> None:
        others: list[Mapping[str, Any]] = [{"feed": 1}, {"entry": 1}, {"response": 1}, {"compute": 1}, {"seed": 1}]
        assert [one for one in others if Latency(**one) == Latency()] == []
        assert Latency() != "Latency()"


class TestInOrder:
    @given(st.lists(st.integers(0, 100), min_size=1, max_size=20), st.integers(0, 100))
    def test_nothing_overtakes(self, times: list[int], after: int) -> None:
        highest, expected = after, []
        for time in times:
            highest = max(highest, time)
            expected.append(highest)
        assert in_order(np.array(times), after).tolist() == expected

    def test_without_anything_before(self) -> None:
        assert in_order(np.array([5, 3, 9, 1])).tolist() == [5, 5, 9, 9]
        assert in_order(np.array([], np.int64), 4).tolist() == []
