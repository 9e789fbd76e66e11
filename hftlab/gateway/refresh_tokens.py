"""Refresh tokens of a cluster: any gateway with the key exchanges them, each once, also after a restart."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hftlab.credentials import ALGORITHM, ISSUER, REFRESH_AUDIENCE, REFRESH_LIFETIME, access_token, refresh_token
from hftlab.errors import AuthenticationFailed, ServerError
from hftlab.gateway.subjects import Subjects
from hftlab.protocol.publishing.authentication import REFRESH_REFUSED, Tokens

if TYPE_CHECKING:
    from nats.aio.client import Client as NatsClient
    from nats.js.kv import KeyValue

__all__ = ["RefreshTokens"]

_TIMEOUT: Final = 2.0
_ATTEMPTS: Final = 5
"""Readings of a sign-in's newest number, while others write it or answers are lost."""
_MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of all numbers at JetStream: some 100,000 sign-ins a day."""
_ENDED: Final = "ended"
_FAMILY: Final = re.compile(r"[A-Za-z0-9_-]{22}\Z")
_OPTIONS: Final[Any] = {
    "require": ["exp", "iat", "sub", "aud", "iss", "family", "number"],
    "verify_exp": False,  # against the caller's time, not the system's
    "verify_iat": False,
}


class _Newest(NamedTuple):
    """Entry of a sign-in at JetStream: the number of its newest token, or that it has ended, and the revision."""

    text: str
    revision: int


class RefreshTokens:
    """Exchanges refresh tokens, which are JSON Web Tokens (RFC 7519) with the number that they have in their sign-in.

    JetStream keeps each sign-in's newest number in a key-value bucket of the cluster, for as long as its tokens are
    valid. A token with an older one has been copied, and ends the sign-in (RFC 6819 section 5.2.2.3). `client` is the
    connection to NATS, or None.
    """

    def __init__(self, subjects: Subjects, key: bytes, client: Callable[[], NatsClient | None]) -> None:
        import jwt

        self._jwt: Final = jwt
        self._bucket, self._key, self._client = subjects.refresh_bucket, key, client

    def issue(self, subject: str, now: float) -> Tokens:
        """Sign an account in."""
        return Tokens(access_token(self._key, subject, now), refresh_token(self._key, subject, now))

    async def refresh(self, token: str, now: float) -> Tokens:
        """Exchange a refresh token, which is then used up, for new tokens.

        Raises AuthenticationFailed, and ServerError where JetStream cannot say now whether it has been used.
        """
        subject, family, number = self._claims(token, now)
        following = refresh_token(self._key, subject, now, family, number + 1)
        try:
            await self._advance(family, number)
        except AuthenticationFailed:
            raise
        except Exception as exc:  # of the library, whose types are many
            said = str(exc) or type(exc).__name__
            raise ServerError(f"tokens cannot be refreshed now, as JetStream does not answer ({said})") from exc
        return Tokens(access_token(self._key, subject, now), following)

    def _claims(self, token: str, now: float) -> tuple[str, str, int]:
        """Return the subject, the sign-in and the number of a token. Raises AuthenticationFailed."""
        try:
            claims = self._jwt.decode(
                token, self._key, algorithms=[ALGORITHM], audience=REFRESH_AUDIENCE, issuer=ISSUER, options=_OPTIONS
            )
        except (self._jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise AuthenticationFailed(REFRESH_REFUSED) from None
        family, number, expires = claims["family"], claims["number"], claims["exp"]
        is_right = isinstance(family, str) and _FAMILY.match(family) and isinstance(number, int) and number >= 0
        if not is_right or not isinstance(expires, int) or expires <= now:
            raise AuthenticationFailed(REFRESH_REFUSED)
        return claims["sub"], family, number

    async def _advance(self, family: str, number: int) -> None:
        """Make the next number the newest of a sign-in. Raises AuthenticationFailed, and errors of the library."""
        from nats.errors import TimeoutError as NatsTimeout
        from nats.js.errors import KeyWrongLastSequenceError

        bucket = await self._open()
        mark = f"{number + 1} {secrets.token_urlsafe(8)}"
        for attempt in range(1, _ATTEMPTS + 1):
            newest = await self._newest(bucket, family)
            if newest is not None and newest.text == mark:
                return  # the answer alone was lost
            current = 0 if newest is None and number == 0 else -1 if newest is None else _number(newest.text)
            if current != number:
                if newest is not None and newest.text != _ENDED:
                    await bucket.put(family, _ENDED.encode())
                raise AuthenticationFailed(REFRESH_REFUSED)
            try:
                await bucket.update(family, mark.encode(), last=0 if newest is None else newest.revision)
            except (KeyWrongLastSequenceError, NatsTimeout):
                if attempt == _ATTEMPTS:
                    raise
            else:
                return

    async def _newest(self, bucket: KeyValue, family: str) -> _Newest | None:
        from nats.js.errors import KeyNotFoundError

        try:
            entry = await bucket.get(family)
        except KeyNotFoundError:
            return None
        return _Newest((entry.value or b"").decode(errors="replace"), entry.revision or 0)

    async def _open(self) -> KeyValue:
        from nats.js.api import KeyValueConfig
        from nats.js.errors import BucketNotFoundError

        client = self._client()
        if client is None or not client.is_connected:
            raise ServerError("NATS cannot be reached")
        js = client.jetstream(timeout=_TIMEOUT)
        try:
            return await js.key_value(self._bucket)
        except BucketNotFoundError:
            config = KeyValueConfig(bucket=self._bucket, ttl=REFRESH_LIFETIME, max_bytes=_MOST_BYTES)
            return await js.create_key_value(config)


def _number(text: str) -> int:
    """Return the number of a mark; -1 for a sign-in that has ended, which no token has."""
    first = text.partition(" ")[0]
    return int(first) if first.isdigit() else -1
