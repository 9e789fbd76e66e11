from __future__ import annotations

from math import inf

import pytest

from hftlab.widgets.core.freshness import MAX_AGE, check_fresh


def test_what_was_asked_for_a_moment_ago_is_done():
    check_fresh({"age": 0.0}, "the order was not sent")
    check_fresh({"age": MAX_AGE}, "the order was not sent")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"age": 12.34}, "the order was not sent: the kernel heard of it after 12.3 s"),
        ({"age": inf}, "the order was not sent: the kernel heard of it too late"),
        ({}, "the order was not sent: the kernel heard of it too late"),
        ({"age": float("nan")}, "too late"),
    ],
    ids=str,
)
def test_what_was_asked_for_long_ago_is_not(content, words):
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        check_fresh(content, "the order was not sent")
