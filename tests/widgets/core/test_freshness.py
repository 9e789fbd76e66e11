from __future__ import annotations

from math import inf

import pytest

from hftlab.widgets.core.freshness import MAX_AGE, check_fresh


def test_what_was_asked_for_a_moment_ago_is_done():
    check_fresh(0.0, "the order was not sent")
    check_fresh(MAX_AGE, "the order was not sent")


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (12.34, "the order was not sent: the kernel heard of it after 12.3 s"),
        (inf, "the order was not sent: the kernel heard of it too late"),
        (float("nan"), "too late"),
    ],
    ids=str,
)
def test_what_was_asked_for_long_ago_is_not(age, words):
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        check_fresh(age, "the order was not sent")
