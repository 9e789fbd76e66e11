from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.errors import ArgumentError
from hftlab.gateway.subjects import Subjects, name_of, token_of

# NATS' documentation, "Subject-Based Messaging": tokens hold no blanks, dots, stars or greater-thans.
TOKEN = re.compile(r"[^\s.*>]+\Z")


class TestTokens:
    @given(st.text(min_size=1, max_size=40).filter(str.isprintable))
    def test_any_name_is_one_token_and_comes_back(self, name: str) -> None:
        token = token_of(name)
        assert TOKEN.match(token)
        assert name_of(f"hftlab.main.market.{token}") == name

    @given(st.text(min_size=1, max_size=10), st.text(min_size=1, max_size=10))
    def test_two_names_are_two_tokens(self, one: str, other: str) -> None:
        assert (token_of(one) == token_of(other)) == (one == other)

    def test_no_symbol_is_the_subject_of_beats(self) -> None:
        assert token_of("+beat") != "+beat"


class TestSubjects:
    @pytest.mark.parametrize("name", ["", "a.b", "a b", "*", "x" * 33, "é"])
    def test_a_name_that_cannot_be_a_stream_is_refused(self, name: str) -> None:
        with pytest.raises(ArgumentError, match="not the name of a cluster"):
            Subjects(name)

    def test_clusters_share_nothing(self) -> None:
        one, other = vars(Subjects("one")), vars(Subjects("two"))
        assert set(one.values()).isdisjoint(other.values())
