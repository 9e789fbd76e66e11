"""Access tokens checked and refresh tokens rotated, without a socket."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.credentials import access_token
from hftlab.errors import AuthenticationFailed, HftlabError
from hftlab.protocol.publishing.authentication import REFRESH_LIFETIME, Authenticator, Identity

KEY = b"k" * 64


NOW = 1_800_000_000.0


CLAIMS = {"sub": "alice", "iat": NOW, "exp": NOW + 900, "aud": "hftlab", "iss": "hftlab"}


def signed(key: bytes = KEY, algorithm: str = "HS256", **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not ...}
    return jwt.encode(claims, key, algorithm=algorithm)


def part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(KEY)


class TestTokens:
    def test_a_good_token_names_its_subject(self, authenticator: Authenticator) -> None:
        assert authenticator.check(signed(), NOW) == Identity("alice", NOW + 900)
        assert authenticator.check(access_token(KEY, "bob", NOW), NOW) == Identity("bob", NOW + 900)

    @pytest.mark.parametrize("name", ["exp", "iat", "sub", "aud", "iss"])
    def test_every_claim_is_needed(self, authenticator: Authenticator, name: str) -> None:
        with pytest.raises(AuthenticationFailed):
            authenticator.check(signed(**{name: ...}), NOW)

    @pytest.mark.parametrize(
        "changes",
        [
            {"exp": NOW},
            {"exp": 0},
            {"exp": -1},
            {"exp": True},
            {"exp": "soon"},
            {"exp": None},
            {"exp": 1e11},
            {"exp": 10**400},
            {"exp": float("inf")},
            {"exp": float("nan")},
            {"iat": NOW + 31},
            {"iat": "now"},
            {"nbf": NOW + 31},
            {"nbf": []},
            {"aud": "other"},
            {"aud": 7},
            {"iss": "other"},
            {"sub": ""},
            {"sub": 7},
            {"sub": "a\nb"},
            {"sub": "x" * 129},
            {"sub": "\ud800"},
        ],
    )
    def test_no_claim_may_be_wrong(self, authenticator: Authenticator, changes: dict[str, Any]) -> None:
        with pytest.raises(AuthenticationFailed):
            authenticator.check(signed(**changes), NOW)

    @pytest.mark.parametrize(
        "token",
        [
            "",
            ".",
            "..",
            "a.b.c",
            "\ud800",
            "\ud800.\ud800.\ud800",
            "é.é.é",
            "x" * 8192,
            signed(key=b"other" * 13),
            signed(algorithm="HS384"),
            signed(algorithm="HS512"),
            signed()[:-2],
            signed() + "A",
            signed() + "\n",
            f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(CLAIMS)}.",
            f"{part({'alg': 'none'})}.{part(CLAIMS)}.AAAA",
            f"{part({'alg': 'HS256', 'b64': False, 'crit': ['b64']})}.{part(CLAIMS)}.AAAA",
            f"{part({'alg': 'HS256', 'kid': {}})}.{part(CLAIMS)}.AAAA",
            f"{part({'alg': ['HS256']})}.{part(CLAIMS)}.AAAA",
            f"{part('[' * 3000)}.{part(CLAIMS)}.AAAA",
            f"{part([])}.{part([])}.AAAA",
        ],
    )
    def test_no_forgery_passes(self, authenticator: Authenticator, token: str) -> None:
        with pytest.raises(AuthenticationFailed) as caught:
            authenticator.check(token, NOW)
        assert "get a new one" in str(caught.value)

    @given(st.text(max_size=200) | st.lists(st.text(max_size=60), min_size=3, max_size=3).map(".".join))
    def test_no_text_does_more_than_fail(self, text: str) -> None:
        with pytest.raises(AuthenticationFailed):
            Authenticator(KEY).check(text, NOW)

    def test_a_short_key_is_refused(self) -> None:
        with pytest.raises(HftlabError, match="at least 32"):
            Authenticator("secret")

    @pytest.mark.parametrize("subject", ["", "a\nb", "x" * 129])
    def test_none_is_issued_that_would_not_pass(self, authenticator: Authenticator, subject: str) -> None:
        with pytest.raises(ValueError, match="cannot be an account"):
            authenticator.issue(subject, NOW)

    def test_a_bearer_is_one_header_with_a_good_token(self, authenticator: Authenticator) -> None:
        good = f"Bearer {signed()}"
        for headers, expected in (
            ([good], True),
            ([good.replace("Bearer", "bearer")], True),
            ([], False),
            ([good, good], False),
            (["Bearer"], False),
            ([f"Basic {signed()}"], False),
            ([f"Bearer {signed(exp=NOW)}"], False),
        ):
            assert authenticator.is_bearer(headers, NOW) is expected


class TestRefresh:
    def test_each_refresh_token_works_once(self, authenticator: Authenticator) -> None:
        first = authenticator.issue("alice", NOW)
        second = authenticator.refresh(first.refresh, NOW + 1)
        third = authenticator.refresh(second.refresh, NOW + 2)
        assert authenticator.check(third.access, NOW + 2).subject == "alice"
        assert len({first.refresh, second.refresh, third.refresh}) == 3

    def test_one_that_comes_again_ends_its_family(self, authenticator: Authenticator) -> None:
        first, other = authenticator.issue("alice", NOW), authenticator.issue("bob", NOW)
        second = authenticator.refresh(first.refresh, NOW)
        for token in (first.refresh, second.refresh):
            with pytest.raises(AuthenticationFailed):
                authenticator.refresh(token, NOW)
        assert authenticator.refresh(other.refresh, NOW)

    @pytest.mark.parametrize("token", ["", ".", "\ud800", "no.thing"])
    def test_what_was_never_issued_fails(self, authenticator: Authenticator, token: str) -> None:
        with pytest.raises(AuthenticationFailed):
            authenticator.refresh(token, NOW)

    def test_they_do_not_live_for_ever(self, authenticator: Authenticator) -> None:
        tokens = authenticator.issue("alice", NOW)
        with pytest.raises(AuthenticationFailed):
            authenticator.refresh(tokens.refresh, NOW + REFRESH_LIFETIME)
