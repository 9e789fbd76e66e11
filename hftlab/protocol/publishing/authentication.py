"""Access tokens are checked and refresh tokens rotated. No I/O: the time is passed in, in seconds since 1970.

Access tokens are JSON Web Tokens (RFC 7519), HS256, of 15 minutes. Refresh tokens are random; each works once (RFC 6819
section 5.2.2.3): a token that comes a second time has been copied, so its whole family ends.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from hftlab.credentials import (
    ACCESS_LIFETIME,
    ALGORITHM,
    AUDIENCE,
    ISSUER,
    MIN_KEY_BYTES,
    REFRESH_LIFETIME,
    access_token,
    is_subject,
)
from hftlab.errors import AuthenticationFailed, HftlabError

__all__ = [
    "ACCESS_LIFETIME",
    "REFRESH_LIFETIME",
    "REFRESH_REFUSED",
    "AuthMode",
    "Authenticator",
    "Identity",
    "SharedTokens",
    "Tokens",
]

AuthMode: TypeAlias = Literal["public", "required"]
"""Requests that need an AUTH message: those about orders, accounts and a replay alone ("public"), or all."""

LEEWAY: Final = 30
"""Seconds that the clock of another issuer may be ahead. Tokens still expire on time."""
MAX_FAMILIES: Final = 10_000
"""Families of refresh tokens that are kept; the oldest is forgotten first."""

_REQUIRED: Final = ["exp", "iat", "sub", "aud", "iss"]
_LATEST: Final = 9.2e9
"""Times up to the year 2261, the last that int64 nanoseconds can hold."""
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]{1,4096}\.[A-Za-z0-9_-]{1,4096}\.[A-Za-z0-9_-]{1,512}\Z")

# The library looks at the system's clock; the times are checked here instead, against the caller's.
_OPTIONS: Final[Any] = {"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False}

_BAD: Final = "the token was not issued for this server: get a new one and send AUTH again"
_EXPIRED: Final = "the token has expired: get a new one and send AUTH again"
_EARLY: Final = "the token is not valid yet: check this computer's clock"
REFRESH_REFUSED: Final = "the refresh token is not valid any more: sign in again"


class Identity(NamedTuple):
    """The account that a token speaks for, and when the token expires, in seconds since 1970."""

    subject: str
    expires_at: float


class Tokens(NamedTuple):
    """An access token for AUTH messages, and a refresh token that buys the next pair."""

    access: str
    refresh: str


class SharedTokens(Protocol):
    """Refresh tokens that several servers exchange, as the gateways of a cluster do."""

    def issue(self, subject: str, now: float) -> Tokens:
        """Sign an account in."""

    async def refresh(self, token: str, now: float) -> Tokens:
        """Exchange a refresh token for new ones. Raises AuthenticationFailed, ServerError if nobody can say now."""


@dataclass
class _Family:
    """The refresh tokens that descend from one sign-in. Only the newest is valid, and only its digest is kept."""

    subject: str
    digest: bytes
    expires_at: float


class Authenticator:
    """Issues and checks the tokens of one server, signed with one key of at least 32 bytes.

    With `shared`, refresh tokens are those: refresh() here knows the others.
    """

    def __init__(self, key: bytes | str) -> None:
        self.key = key.encode() if isinstance(key, str) else key
        if len(self.key) < MIN_KEY_BYTES:
            raise HftlabError(f"the key has {len(self.key)} bytes: give at least {MIN_KEY_BYTES} random ones")
        import jwt  # with sockets and threads of its own, which importing the state machines must not load

        self._jwt: Final = jwt
        self._families: dict[str, _Family] = {}
        self.shared: SharedTokens | None = None

    def check(self, token: str, now: float) -> Identity:
        """Return the account that an access token speaks for.

        Raises AuthenticationFailed, whose text does not help a forger.
        """
        claims = self._verified(token)
        expires_at, issued_at = claims["exp"], claims["iat"]
        subject, not_before = claims["sub"], claims.get("nbf", issued_at)
        if not all(_is_time(value) for value in (expires_at, issued_at, not_before)):
            raise AuthenticationFailed(_BAD)
        if not is_subject(subject):
            raise AuthenticationFailed(_BAD)
        if max(issued_at, not_before) > now + LEEWAY:
            raise AuthenticationFailed(_EARLY)
        if expires_at <= now:
            raise AuthenticationFailed(_EXPIRED)
        return Identity(subject, float(expires_at))

    def is_bearer(self, headers: Sequence[str], now: float) -> bool:
        """Return whether Authorization headers of an HTTP request are one valid access token (RFC 6750 section 2.1)."""
        scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        try:
            return scheme.lower() == "bearer" and bool(self.check(token.strip(), now))
        except AuthenticationFailed:
            return False

    def _verified(self, token: str) -> dict[str, Any]:
        """Return the claims of a token whose signature is right."""
        # The library would accept text that is not in the compact form, and fail on lone surrogates.
        if not _COMPACT.match(token):
            raise AuthenticationFailed(_BAD)
        try:
            claims: dict[str, Any] = self._jwt.decode(
                token, self.key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=_OPTIONS
            )
        except (self._jwt.PyJWTError, ValueError, TypeError, RecursionError):
            # The last three come of headers that are nested too deep, or have the wrong types.
            raise AuthenticationFailed(_BAD) from None
        return claims

    def issue(self, subject: str, now: float) -> Tokens:
        """Sign an account in: issue an access token, and a refresh token that starts a family. Raises ValueError."""
        if not is_subject(subject):
            raise ValueError(f"{subject!r} cannot be an account: give a printable name of 1 to 128 characters")
        if self.shared is not None:
            return self.shared.issue(subject, now)
        self._forget_old(now)
        return self._issue(secrets.token_urlsafe(16), subject, now)

    def refresh(self, token: str, now: float) -> Tokens:
        """Exchange a refresh token, which is then used up, for new tokens. Raises AuthenticationFailed."""
        name, _, _ = token.partition(".")
        family = self._families.get(name)
        if family is None or family.expires_at <= now:
            self._families.pop(name, None)
            raise AuthenticationFailed(REFRESH_REFUSED)
        if not hmac.compare_digest(_digest(token), family.digest):
            # The name of a family is in its tokens alone: one was copied, and either side may be the thief.
            del self._families[name]
            raise AuthenticationFailed(REFRESH_REFUSED)
        return self._issue(name, family.subject, now)

    def _issue(self, name: str, subject: str, now: float) -> Tokens:
        token = f"{name}.{secrets.token_urlsafe(32)}"
        self._families[name] = _Family(subject, _digest(token), now + REFRESH_LIFETIME)
        return Tokens(access_token(self.key, subject, now), token)

    def _forget_old(self, now: float) -> None:
        for name in [name for name, family in self._families.items() if family.expires_at <= now]:
            del self._families[name]
        while len(self._families) >= MAX_FAMILIES:
            del self._families[next(iter(self._families))]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LATEST
