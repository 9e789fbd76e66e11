"""Datagrams of a packet capture that has to be of one feed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
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

    Raises the `error`, which is given a reason, if there is none, and before the first if those that are known by
    looking are of other formats alone, or if none is and most of the first part's are not `packets` of the feed by
    `is_packet`.
    """
    is_first = True
    with closing(capture):
        for datagrams in capture:
            if is_first and len(datagrams):
                others = len(datagrams) - int(is_packet(datagrams).sum())
                known = _known_formats(datagrams)
                if format_name not in known and (known or 2 * others > len(datagrams)):
                    others = others or len(datagrams)
                    raise error(f"{others:,} of its first {len(datagrams):,} datagrams are not {packets}")
                is_first = False
            yield datagrams
    if is_first:
        raise error("it has no datagrams")


def _known_formats(datagrams: Datagrams) -> set[str]:
    """Return the formats of which the first datagrams are."""
    described = map(describe_payload, map(datagrams.payload, range(min(len(datagrams), _LOOKED_AT))))
    return {found[0] for found in described if found is not None and found[0] is not None}
