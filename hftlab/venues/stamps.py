"""Time stamps of captures and venues, whose unit their size tells: s, ms, µs or ns since 1970 UTC."""

from __future__ import annotations

from typing import Final

__all__ = ["BadStamp", "to_nanoseconds"]

_DIGITS: Final = {10: 9, 13: 6, 16: 3, 19: 0}  # digits of a time from 2001 to 2286, decimals between its unit and ns
_LATEST: Final = 2**63 - 1


class BadStamp(ValueError):
    """Stamp that is not a time from 2001 on in any of the units."""


def to_nanoseconds(stamp: str | bytes | int) -> int:
    """Convert a stamp such as 1710340597716, or 1710340597.716, to ns; digits beyond ns are dropped.

    Between 2001 and 2286 a time has 10 digits in seconds, 13 in ms, 16 in µs and 19 in ns, so that the number of
    digits tells the unit. Raises BadStamp for every other number: a guess would be wrong by decades.
    """
    text = stamp.decode("ascii", "replace") if isinstance(stamp, bytes) else str(stamp)
    whole, point, fraction = text.partition(".")
    whole = whole.lstrip("0")
    decimals = _DIGITS.get(len(whole))
    if decimals is None or not _is_digits(whole) or (point and not _is_digits(fraction)):
        raise BadStamp(f"{text[:40]!r} is not a time from 2001 on in s, ms, µs or ns")
    moment = int(whole + fraction[:decimals].ljust(decimals, "0"))
    if moment > _LATEST:
        raise BadStamp(f"{text[:40]!r} is later than 2262, where int64 ns end")
    return moment


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
