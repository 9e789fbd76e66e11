"""The HTTP side of the port: admits WebSockets and answers every other request. No sockets here."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

import msgspec
from websockets.http11 import Request, Response

from hftlab.clock import NANOSECONDS, wall_time
from hftlab.errors import AuthenticationFailed, ServerError
from hftlab.log import AUDIT, get_logger
from hftlab.protocol.publishing.authentication import Authenticator, SharedTokens, Tokens
from hftlab.server.http.admission import Admission, Refusal
from hftlab.server.http.answers import json_answer, preflight, shared, text_answer
from hftlab.server.http.post import BadRequest, PostRequest

__all__ = ["Endpoints"]

_REFRESH = "/api/auth/refresh"
_SOON: Final = 1
"""Seconds after which a client may try again that has found the server not ready."""
_audit = get_logger(AUDIT)


class _Refresh(msgspec.Struct, rename="camel"):
    refresh_token: str


class Endpoints:
    """Answers the opening requests of all connections of a server; `refused` counts refusals by reason."""

    def __init__(self, admission: Admission, authenticator: Authenticator) -> None:
        self.admission = admission
        self.refused: dict[str, int] = {}
        self._authenticator = authenticator
        self._is_closing = False

    def close(self) -> None:
        """Admit no more connections: one that the system has accepted already may still come, behind all others."""
        self._is_closing = True

    def admit(self, address: str) -> bool:
        """Return whether a connection may send its request, and count it; address "" is one that has gone already."""
        if address and not self._is_closing and not self.admission.is_overrun(address):
            self.admission.enter(address)
            return True
        reason = "reset" if not address else "closing" if self._is_closing else "overrun"
        self.refused[reason] = self.refused.get(reason, 0) + 1
        _audit.info("dropped", peer=address or None, reason=reason)
        return False

    def note_no_request(self, address: str, *, is_silent: bool) -> None:
        """Log a connection that has ended without a request."""
        _audit.info("dropped", peer=address, reason="silent" if is_silent else "no request")

    def refuse(self, address: str, local_address: str, request: Request) -> Response | None:
        """Return the refusal of a GET, whatever it asks for; None if it may be answered."""
        return self._answered(address, self.admission.check(request.headers, request.path, local_address))

    def refuse_socket(self, address: str, request: Request) -> Response | None:
        """Return the answer to a GET that does not become a WebSocket, and to the preflight of a browser's POST."""
        origin = request.headers.get("Origin")  # if there is one, refuse() has found it in the list
        if request.path == _REFRESH and origin is not None and getattr(request, "method", "GET") == "OPTIONS":
            return preflight(origin)
        if request.path.partition("?")[0] == _REFRESH:
            return json_answer(405, {"error": "send a POST"}, Allow="POST")
        return self._answered(address, self.admission.check_room(address))

    def refuse_unready(self, address: str, reason: str) -> Response:
        """Return the answer to a WebSocket's request while no clients can be served."""
        refusal = Refusal(503, "not ready", f"this server is not ready: {reason}", _SOON)
        answer = self._answered(address, refusal)
        assert answer is not None
        return answer

    def _answered(self, address: str, refusal: Refusal | None) -> Response | None:
        if refusal is None:
            return None
        self.refused[refusal.reason] = self.refused.get(refusal.reason, 0) + 1
        _audit.warning("refused", peer=address, status=refusal.status, reason=refusal.reason)
        more = {} if refusal.retry_after is None else {"Retry_After": str(refusal.retry_after)}
        return text_answer(refusal.status, refusal.sentence, **more)

    def _answered_bad(self, address: str, request: BadRequest) -> Response:
        self.refused["bad request"] = self.refused.get("bad request", 0) + 1
        _audit.warning("refused", peer=address, status=request.status, reason="bad request")
        return json_answer(request.status, {"error": str(request)})

    # --- POST /api/auth/refresh ---

    def post(
        self, address: str, local_address: str, request: PostRequest | BadRequest
    ) -> Response | Coroutine[Any, Any, Response]:
        """Answer a POST: with new tokens, or with an error. It is awaited where refresh tokens are shared."""
        if isinstance(request, BadRequest):
            return self._answered_bad(address, request)
        refusal = self.admission.check(request.headers, request.path, local_address)
        if refusal is not None:
            self._answered(address, refusal)
            return json_answer(refusal.status, {"error": refusal.sentence})
        if request.path != _REFRESH:
            return json_answer(404, {"error": f"the only POST here is {_REFRESH}"})
        origin = request.headers.get("Origin")
        try:
            token = msgspec.json.decode(request.body, type=_Refresh).refresh_token
        except (msgspec.DecodeError, ValueError, RecursionError):
            return shared(json_answer(400, {"error": 'send {"refreshToken": "..."}'}), origin)
        if self._authenticator.shared is not None:
            return self._refresh_shared(self._authenticator.shared, address, token, origin)
        try:
            tokens = self._authenticator.refresh(token, wall_time() / NANOSECONDS)
        except AuthenticationFailed as exc:
            return shared(self._not_refreshed(address, exc), origin)
        return shared(self._refreshed(address, tokens), origin)

    async def _refresh_shared(self, tokens: SharedTokens, address: str, token: str, origin: str | None) -> Response:
        try:
            return shared(self._refreshed(address, await tokens.refresh(token, wall_time() / NANOSECONDS)), origin)
        except AuthenticationFailed as exc:
            return shared(self._not_refreshed(address, exc), origin)
        except ServerError as exc:
            _audit.warning("refresh failed", peer=address, reason=str(exc))
            return shared(json_answer(503, {"error": str(exc)}, Retry_After=str(_SOON)), origin)

    def _not_refreshed(self, address: str, error: AuthenticationFailed) -> Response:
        _audit.warning("refresh failed", peer=address)
        return json_answer(401, {"error": str(error)})

    def _refreshed(self, address: str, tokens: Tokens) -> Response:
        _audit.info("refreshed", peer=address)
        return json_answer(200, {"accessToken": tokens.access, "refreshToken": tokens.refresh})
