from __future__ import annotations

import pytest

from hftlab.venues.binary_layouts import Field, Layouts


def test_fields_follow_each_other_behind_the_head() -> None:
    layouts = Layouts.described(
        "big", "type:a1 time:u6", [("A", "add", "stock:a8 price:p4.4"), ("S", "system", "code:a1")]
    )
    assert layouts.by_type["A"].fields[2:] == (Field("stock", "a", 7, 8), Field("price", "p", 15, 4, 4))
    assert [(one.name, one.size) for one in layouts.by_type.values()] == [("add", 19), ("system", 8)]


@pytest.mark.parametrize("text", ["stock:x8", "stock:a", "stock", "price:p4", "shares:u4.4"])
def test_a_kind_that_does_not_exist_raises(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is not a field"):
        Layouts.described("big", "", [("A", "add", text)])
