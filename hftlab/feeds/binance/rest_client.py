"""REST requests of a live feed, within the venue's limits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from hftlab.errors import HftlabError, NetworkError, ServerError
from hftlab.feeds.binance.request_weight import RequestWeight
from hftlab.transport.address import is_local, redacted

if TYPE_CHECKING:
    import httpx

__all__ = ["RestClient"]

_LIMITED: Final = (418, 429)
_NOT_HERE: Final = (403, 451)
_NO_SUCH_PATH: Final = (404, 426)
_USED: Final = "x-mbx-used-weight-1m"


class _Problem(msgspec.Struct):
    code: int = 0
    msg: str = ""


class RestClient:
    """Client of a market's REST endpoints below `url`; close() it. Raises HftlabError if it cannot be made."""

    def __init__(self, url: str, weight: RequestWeight, timeout: float) -> None:
        import httpx  # a tenth of a second that only a live feed has to spend

        self.weight = weight
        self._url = redacted(url)
        try:
            self._client: httpx.AsyncClient = httpx.AsyncClient(
                base_url=url, timeout=timeout, trust_env=not is_local(url)
            )
        except (ImportError, ValueError, httpx.InvalidURL) as exc:  # of a proxy that needs more, or cannot be
            raise HftlabError(
                f"cannot ask {self._url} ({exc}): check rest_url, and the proxy that HTTPS_PROXY or ALL_PROXY names"
            ) from exc

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def get(self, path: str, parameters: Mapping[str, str | int], weight: int) -> bytes:
        """Return the answer of a GET that costs `weight`, once the limit allows it.

        Raises NetworkError if that may be better the next time, which then waits as long as a venue that refuses
        requests has said, and ServerError, not recoverable, if it will not.
        """
        import httpx

        loop = asyncio.get_running_loop()
        while (delay := self.weight.delay(weight, loop.time())) > 0:
            await asyncio.sleep(delay)
        self.weight.spend(weight, loop.time())
        try:
            response = await self._client.get(path, params=dict(parameters))
        except httpx.HTTPError as exc:
            reason = str(exc) or type(exc).__name__
            raise NetworkError(
                f"cannot ask {self._url}{path} ({reason}): check rest_url, and the way to the venue"
            ) from exc
        used = response.headers.get(_USED, "")
        if used.isdecimal():
            self.weight.heard(int(used), loop.time())
        status = response.status_code
        if status == 200:
            return response.content
        if status not in _LIMITED:
            raise _error(f"{self._url}{path}", status, response.content)
        self.weight.refused(status, _seconds(response.headers.get("retry-after", "")), loop.time())
        seconds = self.weight.held_for(loop.time())
        raise NetworkError(f"{self._url}{path} refuses requests with HTTP {status}: they wait for {seconds:.0f} s")


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None


def _error(what: str, status: int, content: bytes) -> NetworkError | ServerError:
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem()
    said = f" {problem.code} {problem.msg}".rstrip() if problem.msg else ""
    if status >= 500:
        return NetworkError(f"{what} answers HTTP {status}{said}: it is tried again")
    advice = "check the symbols, the market and rest_url"
    if status in _NOT_HERE:
        advice = "the venue does not serve this address, or the place that it is in"
    elif status in _NO_SUCH_PATH:
        advice = "check rest_url; that of a replay in Binance's wire is in server.native_urls"
    refused = ServerError(f"{what} answers HTTP {status}{said}: {advice}")
    refused.code, refused.recoverable = problem.code, False
    return refused
