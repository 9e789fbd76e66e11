"""What our side and kosoku are known to disagree on, each case with its reason; every other case has to pass."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest

CORE = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
"""Framing, pings, reserved bits, opcodes, fragments, UTF-8, closing."""
LONG = ["9.*", "12.1.*", "12.2.*", "12.3.*", "12.4.*", "12.5.*", "13.*"]
"""Large messages, and permessage-deflate with every offer."""

_FRAMES = "a message in more than 4,096 frames, which websockets refuses with 1009 against floods of tiny fragments"
KNOWN = {
    "7.1.5": "websockets answers a close frame amid a fragmented message with 1002, the case wants 1000",
    "9.3.1": _FRAMES,
    "9.3.2": _FRAMES,
    "9.4.1": _FRAMES,
    "9.4.2": _FRAMES,
}
_UNRUN = "Strings must be encoded before hashing"
"""kosoku 0.1 hashes text of some compression cases as if it were Python 2, and so cannot run them."""


_OFFERED_BY_FEW = ("13.2.", "13.5.", "13.6.")
"""Series that need an offer which a client may leave out (RFC 7692 section 7.1), as websockets does: UNIMPLEMENTED."""


def unexpected(results: Iterable[Any]) -> dict[str, str]:
    """The cases that have failed and should not have, and how."""
    return {
        one.case_id: f"{one.behavior.value}, {one.behavior_close.value}: {one.result} {one.result_close}"
        for one in results
        if not (one.passed or one.case_id in KNOWN or _UNRUN in one.result or _is_not_offered(one))
    }


def _is_not_offered(result: Any) -> bool:
    return result.case_id.startswith(_OFFERED_BY_FEW) and result.behavior.value == "UNIMPLEMENTED"


def without_keepalive(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> None:
    """Have what a module opens connections with send no pings: to Autobahn's cases any ping is the end.

    Ours would come after 20 s, which the longest cases take on a busy machine.
    """
    monkeypatch.setattr(module, name, functools.partial(getattr(module, name), ping_interval=None))
