"""Packet captures (pcap and pcapng): their UDP datagrams."""

from hftlab.venues.pcap.datagrams import Datagrams, Flow

__all__ = ["Datagrams", "Flow"]
