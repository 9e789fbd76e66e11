"""Lines of the feed's channels, put together: which flows of a capture carry the same messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hftlab.errors import ArgumentError
from hftlab.venues.arbitration import Arbiter, ArbitrationStats, Gap, Ordered
from hftlab.venues.message_columns import decode_columns
from hftlab.venues.nyse.layouts import HEADER
from hftlab.venues.nyse.packet_cursor import all_of, find_packets
from hftlab.venues.pcap import Datagrams, Flow

__all__ = ["Lines"]

_FAILOVER, _RESET = 10, 12
_LEFT_OUT = -1


class Lines:
    """Arbiter of the lines of channels: each message once and in order, whichever line has it first.

    Each channel is the destinations to which it is sent, written as "233.125.89.24:11064". What goes elsewhere is left
    out. Raises ArgumentError for a destination that is not an address and a port, or that two channels have.
    """

    def __init__(self, channels: Sequence[Sequence[str]]) -> None:
        self._channels: dict[str, int] = {}
        for number, channel in enumerate(channels):
            for destination in [channel] if isinstance(channel, str) else channel:
                address, _, port = destination.rpartition(":")
                if not (address and port.isdigit()):
                    raise ArgumentError(f"the line {destination!r} is not an address and a port: 233.125.89.24:11064")
                if destination in self._channels:
                    raise ArgumentError(f"the line {destination} is given twice: it belongs to one channel")
                self._channels[destination] = number
        if not self._channels:
            raise ArgumentError("lines is empty: give the destinations of each channel, or None for all as they come")
        self._arbiter = Arbiter(restarts=True)
        self._gaps: list[Gap] = []
        self._others: dict[str, None] = {}
        self.is_met = False
        """True if a packet went to one of the destinations."""

    @property
    def stats(self) -> ArbitrationStats:
        """Counts so far."""
        return self._arbiter.stats

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Messages that no line of a channel had; a gap's stream is the channel's number."""
        return tuple(self._gaps)

    @property
    def others(self) -> list[str]:
        """Destinations met so far that are in no channel."""
        return list(self._others)

    def order(self, datagrams: Datagrams) -> Ordered:
        """Take datagrams in the order of their capture, and return what can be read."""
        streams = np.array([self._stream_of(flow) for flow in datagrams.flows], np.int32)[datagrams.flow]
        is_packet = find_packets(all_of(datagrams))
        sequence, count, restart = np.zeros((3, len(datagrams)), np.int64)
        head = decode_columns(HEADER, "little", datagrams.data, datagrams.start[is_packet])
        sequence[is_packet], count[is_packet] = head["seq_num"], head["number_msgs"]
        flag = head["delivery_flag"]
        restart[is_packet] = (flag == _RESET) | ((flag == _FAILOVER) & (head["seq_num"] == 1))
        stream = np.where(is_packet, streams, _LEFT_OUT).astype(np.int32)
        self.is_met |= bool((stream >= 0).any())
        return self._noted(self._arbiter.feed(datagrams, stream, sequence, count, restart.astype(np.bool_)))

    def flush(self) -> Ordered:
        """Return what was held."""
        return self._noted(self._arbiter.flush())

    def _noted(self, ordered: Ordered) -> Ordered:
        self._gaps += ordered.gaps
        return ordered

    def _stream_of(self, flow: Flow) -> int:
        destination = f"{flow.destination}:{flow.destination_port}"
        if destination not in self._channels:
            self._others[destination] = None
        return self._channels.get(destination, _LEFT_OUT)
