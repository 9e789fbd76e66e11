"""Access tokens for AUTH (the reference document's WebSocketAuthenticator)."""

from __future__ import annotations

import asyncio
import base64
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from ssl import SSLContext
from typing import Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import msgspec

from hftlab.credentials import access_token, find_secret, local_account
from hftlab.errors import AuthenticationFailed, NetworkError
from hftlab.transport.address import is_local, redacted

__all__ = ["Authenticator", "Token", "refresh_url"]

Token: TypeAlias = str | Callable[[], Awaitable[str]]
"""An access token, or a coroutine function that gets one. After NetworkError or OSError (which TimeoutError is) the
function is called again; whatever else it raises ends the client."""

_REFRESH_PATH: Final = "/api/auth/refresh"
_REFRESH_TIMEOUT: Final = 10.0
_MAX_ANSWER: Final = 64 * 1024


class _Tokens(msgspec.Struct, rename="camel"):
    access_token: str
    refresh_token: str


class _Claims(msgspec.Struct):
    exp: float


class Authenticator:
    """Source of access tokens: a given one, one that a coroutine function gets, or one that a refresh token buys.

    Without any of them, tokens for a server that the same user runs on this machine are signed with its own key (see
    hftlab.credentials), for `account` or, without one, for the user. In that last case the sign-in `is_optional`: it
    may fail. Tokens travel in messages and in the body of the refresh request, never in an address.
    """

    def __init__(
        self,
        url: str,
        token: Token | None = None,
        refresh_token: str | None = None,
        ssl: SSLContext | None = None,
        account: str | None = None,
    ) -> None:
        self.address = url
        """That of the server to sign in to; a client with several changes it."""
        self._token, self._refresh_token, self._ssl = token, refresh_token, ssl
        self._account = account
        self._uses_local_key = token is None and refresh_token is None
        self.is_optional = self._uses_local_key and account is None
        self._is_rejected = False
        self._renewal: asyncio.Task[str] | None = None

    def reject(self) -> None:
        """Take note that the server does not accept the last token."""
        self._is_rejected = True

    async def token(self) -> str | None:
        """Return a token that should be good; None if there is nothing to sign in with.

        Raises AuthenticationFailed, or NetworkError if the server cannot be asked for a new one just now.
        """
        if self._uses_local_key:
            return None if self.is_optional and self._is_rejected else self._signed()
        is_old = self._refresh_token is not None and isinstance(self._token, str) and _is_expired(self._token)
        if isinstance(self._token, str) and not self._is_rejected and not is_old:
            return self._token
        return await self.refreshed()

    async def refreshed(self) -> str | None:
        """Return a token newer than the last. Raises what token() raises, also if there is no way to one."""
        if self._uses_local_key:
            return self._signed()
        if callable(self._token):
            return await self._called(self._token)
        if self._refresh_token is None:
            raise AuthenticationFailed("the token is not accepted and cannot be renewed: give a new one to the client")
        # A refresh token works once: its successor has to be kept even if the caller has stopped waiting for it.
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(self._refresh_token))
        return await asyncio.shield(self._renewal)

    def _signed(self) -> str | None:
        """Sign a token with the server's own key. Raises AuthenticationFailed if an account lacks one."""
        token = _local_token(self.address, local_account() if self._account is None else self._account)
        if token is None and self._account is not None:
            raise AuthenticationFailed(
                f"cannot sign in to {redacted(self.address)} as {self._account!r}: no server of this user has left its "
                "key for that port of this machine; start one that makes its own key, or give a `token` instead of "
                "`account`"
            )
        return token

    async def _renew(self, refresh_token: str) -> str:
        tokens = await asyncio.to_thread(_post, refresh_url(self.address), refresh_token, self._ssl)
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
            raise AuthenticationFailed(f"the `token` function returned {token!r}: let it return a string")
        return token


def refresh_url(url: str) -> str:
    """Return the HTTP address that renews tokens, on the host of a WebSocket address, without its user and password."""
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
    # No proxy, as for the WebSocket.
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


def _local_token(url: str, account: str) -> str | None:
    """Sign a token with the key of this user's server at a loopback address; None where there is no such key."""
    port = urlsplit(url).port
    secret = None if port is None or not is_local(url) else find_secret(port)
    return None if secret is None else access_token(secret, account, time.time())


def _is_expired(token: str) -> bool:
    """Tell whether a JWT's `exp` has passed; one that cannot be read counts as expired, as in the document."""
    try:
        payload = token.split(".")[1]
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return time.time() > msgspec.json.decode(claims, type=_Claims).exp
    except (IndexError, ValueError, msgspec.DecodeError):
        return True
