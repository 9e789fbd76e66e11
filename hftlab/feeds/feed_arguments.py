"""Arguments that the feeds of all venues take, checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from hftlab.bounds import check_symbol
from hftlab.errors import ArgumentError, ArgumentTypeError

__all__ = ["check_address", "check_levels", "symbol_list"]


def symbol_list(symbols: str | Sequence[str], example: str) -> list[str]:
    """Return symbols as a list. Raises ArgumentTypeError, ArgumentError, and ValueError for one that cannot be."""
    listed = [symbols] if isinstance(symbols, str) or not isinstance(symbols, Iterable) else list(symbols)
    for one in listed:
        if not isinstance(one, str):
            raise ArgumentTypeError(f"symbols are names such as {example!r}, got {one!r}")
    if not listed:
        raise ArgumentError(f"a feed needs at least one symbol, such as {example!r}")
    return [check_symbol(one) for one in dict.fromkeys(listed)]


def check_address(name: str, url: str, schemes: Sequence[str]) -> str:
    """Return an address without a slash at its end. Raises ArgumentError, which names the argument."""
    try:
        split = urlsplit(url) if isinstance(url, str) else None
        is_whole = split is not None and split.scheme in schemes and bool(split.hostname) and split.port != 0
    except ValueError:  # of the port, or of an IPv6 address
        is_whole = False
    if not is_whole or "?" in url or "#" in url or any(letter.isspace() for letter in url):
        raise ArgumentError(f"{name}={url!r} is not an address: give one such as {schemes[1]}://host:port")
    return url.rstrip("/")


def check_levels(depth: int) -> int:
    """Return the levels a side that messages have. Raises ArgumentError."""
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ArgumentError(f"depth={depth!r} is not a number of levels: give 1 or more")
    return depth
