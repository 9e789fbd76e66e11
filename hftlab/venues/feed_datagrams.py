"""Datagrams of a packet capture that has to be of one feed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.venues import pcap
from hftlab.venues.datagram_signatures import describe_payload
from hftlab.venues.pcap import Datagrams

__all__ = ["feed_datagrams"]

_LOOKED_AT: Final = 50


def feed_datagrams(
    capture: pcap.Reader,
    format_name: str,
    is_packet: Callable[[Datagrams], npt.NDArray[np.bool_]],
    packets: str,
    error: Callable[[str], CaptureError],
) -> Iterator[Datagrams]:
    """Yield the datagrams of a capture.

    Raises the `error`, which is given a reason, if there is none, and before the first if most of the first part's are
    not `packets` of the feed by `is_packet`, or if they are known as those of other formats alone.
    """
    is_first = True
    for datagrams in capture:
        if is_first and len(datagrams):
            others = len(datagrams) - int(is_packet(datagrams).sum())
            if 2 * others > len(datagrams) or _is_of_others(datagrams, format_name):
                others = others or len(datagrams)
                raise error(f"{others:,} of its first {len(datagrams):,} datagrams are not {packets}")
            is_first = False
        yield datagrams
    if is_first:
        raise error("it has no datagrams")


def _is_of_others(datagrams: Datagrams, format_name: str) -> bool:
    """Tell whether datagrams are known, and none of them as those of a format."""
    described = map(describe_payload, map(datagrams.payload, range(min(len(datagrams), _LOOKED_AT))))
    formats = {found[0] for found in described if found is not None and found[0] is not None}
    return bool(formats) and format_name not in formats
