"""Where the token for AUTH comes from (the reference document's WebSocketAuthenticator)."""

from __future__ import annotations

import asyncio
import base64
import getpass
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from ssl import SSLContext
from typing import Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import msgspec

from hftlab.errors import AuthenticationFailed, NetworkError
from hftlab.transport.address import is_local

__all__ = ["Authenticator", "Token", "refresh_url"]

Token: TypeAlias = str | Callable[[], Awaitable[str]]
"""A token, or a coroutine function that gets one. It raises NetworkError or OSError (which TimeoutError is) for what
may pass, and is asked again; whatever else it raises is final."""

_REFRESH_PATH: Final = "/api/auth/refresh"
_REFRESH_TIMEOUT: Final = 10.0
_MAX_ANSWER: Final = 64 * 1024


class _Tokens(msgspec.Struct, rename="camel"):
    access_token: str
    refresh_token: str


class _Claims(msgspec.Struct):
    exp: float


class Authenticator:
    """A given token, one that a coroutine function gets, or one that a refresh token buys from the server.

    Without any of them, a server on this machine that the same user has started is signed in to with its key, if it
    has left one (hftlab.credentials); `is_optional` tells that this may fail. Tokens travel in messages and in the
    body of the refresh request, never in an address.
    """

    def __init__(
        self,
        url: str,
        token: Token | None = None,
        refresh_token: str | None = None,
        ssl: SSLContext | None = None,
        account: str | None = None,
    ) -> None:
        self._account = account
        self._url, self._token, self._refresh_token, self._ssl = url, token, refresh_token, ssl
        self.is_optional = token is None and refresh_token is None
        self._is_rejected = False
        self._renewal: asyncio.Task[str] | None = None

    def reject(self) -> None:
        """The server does not accept the last token."""
        self._is_rejected = True

    async def token(self) -> str | None:
        """A token that should be good; None if there is nothing to sign in with.

        Raises AuthenticationFailed, or NetworkError if the server cannot be asked for a new one just now.
        """
        if self.is_optional:
            return None if self._is_rejected else _local_token(self._url, self._account)
        is_old = self._refresh_token is not None and isinstance(self._token, str) and _is_expired(self._token)
        if isinstance(self._token, str) and not self._is_rejected and not is_old:
            return self._token
        return await self.refreshed()

    async def refreshed(self) -> str | None:
        """A token newer than the last. Raises what token() raises, also if there is no way to one."""
        if self.is_optional:
            return _local_token(self._url, self._account)
        if callable(self._token):
            return await self._called(self._token)
        if self._refresh_token is None:
            raise AuthenticationFailed("the token is not accepted and cannot be renewed: give a new one to the client")
        # A refresh token works once: its successor has to be kept even if nobody waits for the answer any more.
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(self._refresh_token))
        return await asyncio.shield(self._renewal)

    async def _renew(self, refresh_token: str) -> str:
        tokens = await asyncio.to_thread(_post, refresh_url(self._url), refresh_token, self._ssl)
        self._token, self._refresh_token = tokens.access_token, tokens.refresh_token
        self._is_rejected = False
        return tokens.access_token

    async def _called(self, get: Callable[[], Awaitable[str]]) -> str:
        try:
            token = await get()
        except (AuthenticationFailed, NetworkError):
            raise
        except OSError as exc:
            raise NetworkError(f"the `token` function raised {type(exc).__name__}: {exc}") from exc
        except Exception as exc:
            raise AuthenticationFailed(f"the `token` function raised {type(exc).__name__}: {exc}") from exc
        if not isinstance(token, str):
            raise AuthenticationFailed(f"the `token` function returned {token!r}: it is to return a string")
        return token


def refresh_url(url: str) -> str:
    """The HTTP address beside a WebSocket one, without its user and password: tokens are what is shown there."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(("https" if parts.scheme == "wss" else "http", host, _REFRESH_PATH, "", ""))


def _post(url: str, refresh_token: str, ssl: SSLContext | None) -> _Tokens:
    request = urllib.request.Request(  # noqa: S310 - the scheme is http or https
        url,
        data=msgspec.json.encode({"refreshToken": refresh_token}),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    # No proxy: neither has the WebSocket one.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl))
    try:
        with opener.open(request, timeout=_REFRESH_TIMEOUT) as answer:
            return msgspec.json.decode(answer.read(_MAX_ANSWER), type=_Tokens)
    except urllib.error.HTTPError as exc:
        with exc:
            said = f"{url} did not renew the token ({exc.code} {exc.reason})"
        kind = AuthenticationFailed if exc.code in (400, 401, 403) else NetworkError
        raise kind(f"{said}: sign in again" if kind is AuthenticationFailed else said) from None
    except msgspec.DecodeError as exc:
        raise AuthenticationFailed(f"{url} did not answer with tokens ({exc}): is it an hftlab server?") from None
    except OSError as exc:
        raise NetworkError(f"{url} did not answer ({exc}): the token could not be renewed") from None


def _local_token(url: str, account: str | None) -> str | None:
    port = urlsplit(url).port
    if port is None or not is_local(url):
        return None
    from hftlab.credentials import access_token, find_secret  # loads a library that most clients do without

    secret = find_secret(port)
    return None if secret is None else access_token(secret, account or _user(), time.time())


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number without a name
        return "local"


def _is_expired(token: str) -> bool:
    """Whether a JWT's `exp` has passed; one that cannot be read counts as expired, as in the document."""
    try:
        payload = token.split(".")[1]
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return time.time() > msgspec.json.decode(claims, type=_Claims).exp
    except (IndexError, ValueError, msgspec.DecodeError):
        return True
