from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.instruments import UNIT
from hftlab.venues.decimals import Extent, measure_decimals, parse_decimals

STEPS = st.sampled_from([1, 10, 1000, UNIT // 100, UNIT // 4, UNIT, 25 * UNIT])
LARGEST = 2**63 - 1
NO_NUMBERS = [
    "",
    ".",
    "1.",
    ".5",
    "-1",
    "+1",
    "1e5",
    "1,5",
    " 1",
    "1 ",
    "1.2.3",
    "NaN",
    "\u0663",
    "1\n2",
    "\n",
    "\u00e9",
]
TOO_FINE_OR_LARGE = ["0.0000000001", "9223372036.854775808", "9223372037", "99999999999999999999"]


class TestExactness:
    @settings(deadline=None)
    @given(STEPS, st.lists(st.integers(0, 10**11), max_size=20), st.integers(0, 3))
    def test_is_what_decimal_says(self, step: int, counts: list[int], zeros: int) -> None:
        exact = [Decimal(count) * step / UNIT for count in counts]
        texts = [f"{number:f}" for number in exact]
        texts = [text + "0" * zeros if "." in text else text for text in texts]
        values, bad = parse_decimals(texts, step)
        assert bad == -1
        assert values.tolist() == counts

    @pytest.mark.parametrize(
        ("text", "units"),
        [
            ("61837.63000000", 61_837_630_000_000),
            ("0.1", 100_000_000),
            ("0.000000001", 1),
            ("0.0000000010", 1),
            ("007", 7 * UNIT),
            ("0", 0),
            ("0.00000000000000000000", 0),
            ("9223372036.854775807", LARGEST),
        ],
    )
    def test_of_some_texts(self, text: str, units: int) -> None:
        values, bad = parse_decimals([text], 1)
        assert (values.tolist(), bad) == ([units], -1)

    def test_the_largest_number_of_whole_units(self) -> None:
        assert parse_decimals([str(LARGEST)], UNIT)[0].tolist() == [LARGEST]


class TestBadTexts:
    @pytest.mark.parametrize("text", [*NO_NUMBERS, *TOO_FINE_OR_LARGE])
    def test_is_found_at_its_place(self, text: str) -> None:
        assert parse_decimals([text], 1)[1] == 0
        assert parse_decimals(["1", "2", text, "3"], 1)[1] == 2

    def test_a_number_between_steps_is_bad(self) -> None:
        assert parse_decimals(["0.10", "0.15"], UNIT // 10)[1] == 1
        assert parse_decimals(["0.50", "0.60"], UNIT // 4)[1] == 1

    def test_nothing_is_good(self) -> None:
        values, bad = parse_decimals([], 1)
        assert (len(values), bad) == (0, -1)


class TestMeasure:
    @pytest.mark.parametrize(
        ("texts", "extent"),
        [
            ([], Extent()),
            (["61837.63000000"], Extent(2, 8, 8, 61_838)),
            (["7", "0.000", "1.5"], Extent(1, 3, 0, 7)),
            (["100.00"], Extent(0, 2, 2, 100)),
            (["x", "-1.555", "1e9", "", ".", "1.\u0663"], Extent()),
            (["x", "2.5", "y.123"], Extent(1, 1, 1, 3)),
        ],
    )
    def test_tells_the_decimals_needed_and_written(self, texts: list[str], extent: Extent) -> None:
        assert measure_decimals(texts) == extent

    def test_a_number_beyond_int64_is_as_large_as_it_can_be(self) -> None:
        assert measure_decimals(["9" * 40]).largest > 10**17

    def test_the_extent_of_two_is_of_both(self) -> None:
        both = ["1.50", "22", "0.125"]
        assert measure_decimals(both[:1]) | measure_decimals(both[1:]) == measure_decimals(both)
        assert Extent() | measure_decimals(both) == measure_decimals(both)
