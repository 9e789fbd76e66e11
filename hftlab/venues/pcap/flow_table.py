"""Numbers of flows: where datagrams come from and go to, found by hashing, compiled."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

import numpy as np

from hftlab.kernels.compiling import i64, in_place, inlined
from hftlab.venues.pcap.datagrams import Flow
from hftlab.venues.pcap.packet_state import PacketState

__all__ = ["IPV4", "IPV6", "find_flow", "flow_of", "with_more_flows"]

IPV4, IPV6 = 4, 6

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth, TAOCP 3, section 6.4)
_HALF: Final = np.uint64(32)
_PORT: Final = 0xFFFF


@inlined
def _slot_of(words: Any, mask: Any) -> Any:
    mixed = np.uint64(0)
    for word in words:
        mixed = (mixed ^ word) * _SPREAD
        mixed ^= mixed >> _HALF
    return mixed & mask


@inlined
def find_flow(state: PacketState, words: Any) -> Any:
    """Return the number of the flow with these five words, a new one if need be; -1 if there is no room for it."""
    mask = np.uint64(len(state.slots) - 1)
    slot = _slot_of(words, mask)
    while state.slots[slot] != 0:
        number = i64(state.slots[slot]) - 1
        is_same = True
        for place in range(5):
            is_same &= state.flows[number, place] == words[place]
        if is_same:
            return number
        slot = (slot + np.uint64(1)) & mask
    number = state.known[0]
    if number == len(state.flows):
        return -1
    for place in range(5):
        state.flows[number, place] = words[place]
    state.slots[slot] = number + 1
    state.known[0] = number + 1
    return number


@in_place
def _place_all(state: PacketState) -> None:
    mask = np.uint64(len(state.slots) - 1)
    for number in range(state.known[0]):
        row = state.flows[number]
        slot = _slot_of((row[0], row[1], row[2], row[3], row[4]), mask)
        while state.slots[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        state.slots[slot] = number + 1


def with_more_flows(state: PacketState) -> PacketState:
    """Return the state with room for twice as many flows."""
    flows = np.concatenate([state.flows, np.zeros_like(state.flows)])
    state = state._replace(flows=flows, slots=np.zeros(2 * len(flows), np.int32))
    _place_all(state)
    return state


def flow_of(state: PacketState, number: int) -> Flow:
    """Return a flow by its number."""
    source_high, source, destination_high, destination, rest = state.flows[number].tolist()
    version, ports = rest >> 32, (rest >> 16 & _PORT, rest & _PORT)
    if version == IPV4:
        return Flow(str(IPv4Address(source)), ports[0], str(IPv4Address(destination)), ports[1])
    ends = IPv6Address(source_high << 64 | source), IPv6Address(destination_high << 64 | destination)
    return Flow(str(ends[0]), ports[0], str(ends[1]), ports[1])
