from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.stamps import BadStamp, to_nanoseconds

NS = 1_710_340_597_716_543_210


class TestUnits:
    @pytest.mark.parametrize(
        ("stamp", "expected"),
        [
            (1_710_340_597, 1_710_340_597_000_000_000),
            (1_710_340_597_716, 1_710_340_597_716_000_000),
            (1_710_340_597_716_543, 1_710_340_597_716_543_000),
            (NS, NS),
            (b"1710340597716", 1_710_340_597_716_000_000),
            ("1710340597.716543210", NS),
            ("1710340597.7", 1_710_340_597_700_000_000),
            ("1710340597716.54", 1_710_340_597_716_540_000),
            ("1710340597.7165432109", NS),
            ("0001710340597", 1_710_340_597_000_000_000),
        ],
    )
    def test_are_told_by_the_number_of_digits(self, stamp: str | bytes | int, expected: int) -> None:
        assert to_nanoseconds(stamp) == expected

    @given(st.integers(10**18, 2**63 - 1), st.sampled_from([0, 3, 6, 9]))
    def test_never_move_a_moment_by_more_than_themselves(self, moment: int, dropped: int) -> None:
        unit = 10**dropped
        assert to_nanoseconds(moment // unit) == moment // unit * unit

    @pytest.mark.parametrize("whole", [10, 13, 16, 19])
    @pytest.mark.parametrize("fraction", ["0", "5", "123456789", "1234567890123"])
    def test_with_a_fraction_are_the_same_moment(self, whole: int, fraction: str) -> None:
        digits = str(NS)[:whole]
        assert to_nanoseconds(f"{digits}.{fraction}") == int((digits + fraction).ljust(40, "0")[:19])


class TestRefused:
    @pytest.mark.parametrize(
        "stamp",
        [0, 1, 999_999_999, 17_103_405_977, 171_034_059_771, 17_103_405_977_165, 171_034_059_771_654_321, 10**19, -NS],
    )
    def test_are_numbers_that_are_no_time_in_any_unit(self, stamp: int) -> None:
        with pytest.raises(BadStamp, match="is not a time from 2001 on in s, ms, µs or ns"):
            to_nanoseconds(stamp)

    @pytest.mark.parametrize(
        "text", ["", "now", "1710340597.", "1710340597,5", "17103405e7", "1710340597.x", "١٧١٠٣٤٠٥٩٧"]
    )
    def test_are_other_texts(self, text: str) -> None:
        with pytest.raises(BadStamp):
            to_nanoseconds(text)

    def test_is_what_int64_cannot_hold(self) -> None:
        with pytest.raises(BadStamp, match="later than 2262"):
            to_nanoseconds(9_999_999_999)
