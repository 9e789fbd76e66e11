from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.venues import itch
from hftlab.venues.itch.message_layouts import LAYOUTS
from tests.shared_data import shared_data
from tests.venues.itch.oracle import SIZES

TEXT = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=8)


@st.composite
def fields(draw: st.DrawFn) -> tuple[str, dict[str, int | str]]:
    letter = draw(st.sampled_from(sorted(LAYOUTS)))
    values: dict[str, int | str] = {}
    for field in LAYOUTS[letter].fields[1:]:
        if field.is_text:
            values[field.name] = draw(TEXT)[: field.width].rstrip(" ")
        else:
            values[field.name] = draw(st.integers(0, 2 ** (8 * field.width) - 1 if field.width != 6 else 2**48 - 1))
    return letter, values


def test_layouts_have_the_sizes_of_the_specification() -> None:
    assert {letter: layout.size for letter, layout in LAYOUTS.items()} == SIZES


class TestTables:
    @settings(deadline=None)
    @given(st.lists(fields(), min_size=1, max_size=12))
    def test_give_back_every_field_of_every_type(
        self, tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, dict[str, int | str]]]
    ) -> None:
        path = tmp_path_factory.mktemp("itch") / "all.itch"
        path.write_bytes(b"".join(itch.message_bytes(letter, **values) for letter, values in drawn))
        (found,) = itch.messages(path)
        assert found.keys() == {letter for letter, _ in drawn}
        for letter, frame in found.items():
            numbers = [number for number, (one, _) in enumerate(drawn, 1) if one == letter]
            expected = [{"number": number, **as_read(letter, drawn[number - 1][1])} for number in numbers]
            assert frame.to_dicts() == expected
        assert itch.file_bytes(found) == path.read_bytes()

    def test_leave_out_what_is_no_message(self, tmp_path: Path) -> None:
        good = itch.message_bytes("S", event_code="O", timestamp=7)
        (tmp_path / "odd").write_bytes(b"\x00\x02zz" + good + b"\x00\x00" + b"\x00\x03ABC" + good + good[:5])
        (found,) = itch.messages(tmp_path / "odd")
        assert found.keys() == {"S"}
        assert found["S"]["number"].to_list() == [2, 5]

    def test_of_a_long_file_come_in_stretches_with_running_numbers(self, tmp_path: Path) -> None:
        one, count = itch.message_bytes("D", order_reference_number=5), 150_000
        (tmp_path / "long").write_bytes(one * count)
        frames = [tables["D"] for tables in itch.messages(tmp_path / "long")]
        assert len(frames) > 3
        assert pl.concat(frames)["number"].to_list() == list(range(1, count + 1))

    def test_of_the_snippet_hold_all_thousand(self) -> None:
        (found,) = itch.messages(shared_data("itch/12302019_SNIPPET.NASDAQ_ITCH50"))
        assert sum(map(len, found.values())) == 1000
        assert itch.file_bytes(found) == shared_data("itch/12302019_SNIPPET.NASDAQ_ITCH50").read_bytes()
        assert sorted(number for frame in found.values() for number in frame["number"]) == list(range(1, 1001))
        imbalance = found["I"].row(0, named=True)
        assert (imbalance["near_price"], imbalance["cross_type"]) == (29.63, "O")
        assert found["S"]["event_code"].to_list() == ["Q"]
        assert found["A"].filter(number=6).select("stock", "price", "shares").row(0) == ("VIXM", 21.33, 100)


def as_read(letter: str, values: dict[str, int | str]) -> dict[str, object]:
    fields = {field.name: field for field in LAYOUTS[letter].fields}
    return {
        name: as_price(value, fields[name].decimals, fields[name].width) if fields[name].is_price else value
        for name, value in values.items()
    }


def as_price(value: int | str, decimals: int, width: int) -> float | Decimal:
    exact = Decimal(value).scaleb(-decimals)
    return exact if width > 4 else float(exact)


class TestOneMessage:
    def test_of_a_type_or_field_that_is_none_raises(self) -> None:
        with pytest.raises(KeyError, match="z"):
            itch.message_bytes("z")
        with pytest.raises(KeyError, match="system_event has no field price"):
            itch.message_bytes("S", price=1)

    def test_with_a_value_that_does_not_fit_raises(self) -> None:
        with pytest.raises(OverflowError):
            itch.message_bytes("D", order_reference_number=2**64)
        with pytest.raises(ValueError, match="stock is b'NINECHARS', longer than 8 bytes"):
            itch.message_bytes("H", stock="NINECHARS")
