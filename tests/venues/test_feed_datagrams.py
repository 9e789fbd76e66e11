"""Which captures are taken for a feed's own, before its reader sees a datagram."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hftlab.errors import CaptureError
from hftlab.venues import pcap
from hftlab.venues.feed_datagrams import feed_datagrams
from hftlab.venues.pcap import Datagrams
from tests.venues import look_alikes
from tests.venues.look_alikes import MITCH_UNIT, XDP, XDP_ORDERS


def is_long(datagrams: Datagrams) -> npt.NDArray[np.bool_]:
    return datagrams.end - datagrams.start >= len(XDP)


def payloads(path: Path, *content: bytes) -> list[bytes]:
    path.write_bytes(look_alikes.pcap(*content))
    parts = feed_datagrams(pcap.read(path), "nyse", is_long, "packets of it", CaptureError)
    return [some.payload(number) for some in parts for number in range(len(some))]


def test_all_datagrams_pass_if_half_of_the_first_may_be_the_feeds_or_one_is_known_as_such(tmp_path: Path) -> None:
    others = [MITCH_UNIT] * 5
    for content in ([XDP], [b"short", XDP], [MITCH_UNIT, XDP_ORDERS], [bytes(40)], [*others, XDP_ORDERS]):
        assert payloads(tmp_path / "day", *content) == content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "it has no datagrams"),
        ([b"short", b"short", XDP], "2 of its first 3 datagrams are not packets of it"),
        ([XDP, MITCH_UNIT], "2 of its first 2 datagrams are not packets of it"),
    ],
)
def test_another_capture_is_refused(tmp_path: Path, content: list[bytes], reason: str) -> None:
    with pytest.raises(CaptureError, match=f"^{reason}$"):
        payloads(tmp_path / "day", *content)


def test_the_file_of_a_capture_that_is_refused_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "day"
    path.write_bytes(look_alikes.pcap(b"short", b"short", XDP))
    capture = pcap.read(path)
    with pytest.raises(CaptureError):
        list(feed_datagrams(capture, "nyse", is_long, "packets of it", CaptureError))
    assert list(capture) == []
