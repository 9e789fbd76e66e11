"""Numbers are written the same by the kernel, for pictures, and by the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import hftlab.widgets.core
from hftlab.widgets.core import numbers

pytestmark = [pytest.mark.browser]

FORMATS = Path(hftlab.widgets.core.__file__).with_name("formats.js")
VALUES = [
    sign * digits * 10.0**power
    for digits in (1, 1.234, 5.6789, 9.99949, 9.9996)
    for power in range(-9, 16)
    for sign in (1, -1)
]
CALL = """
async ([source, name, values]) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const format = (await import(url))[name];
  return values.map((value) => format(value));
}
"""


@pytest.mark.parametrize(
    ("page_name", "kernel", "values"),
    [
        ("compact", numbers.compact, VALUES),
        ("microseconds", numbers.microseconds, [value for value in VALUES if value > 0]),
        ("dataRate", numbers.data_rate, [value for value in VALUES if value > 1]),
    ],
)
def test_the_page_and_the_kernel_write_one_number(tab: Any, page_name: str, kernel: Any, values: list[float]) -> None:
    written = tab.page.evaluate(CALL, [FORMATS.read_text(encoding="utf-8"), page_name, values])
    assert dict(zip(values, written, strict=True)) == {value: kernel(value) for value in values}
