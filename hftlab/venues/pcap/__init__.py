"""Packet captures (pcap and pcapng): their UDP datagrams, and captures made of datagrams."""

from hftlab.venues.pcap.datagrams import Datagrams, Flow
from hftlab.venues.pcap.packet_parser import PacketParser, PacketStats
from hftlab.venues.pcap.reader import Reader, read
from hftlab.venues.pcap.writer import PcapWriter

__all__ = ["Datagrams", "Flow", "PacketParser", "PacketStats", "PcapWriter", "Reader", "read"]
