"""MoldUDP64: numbered messages in UDP datagrams, of one or several lines, and packets made of messages."""

from hftlab.venues.moldudp64.packer import Packer
from hftlab.venues.moldudp64.packets import end_of_session, heartbeat, packet, request_packet
from hftlab.venues.moldudp64.receiver import MoldStats, Receiver, Runs

__all__ = ["MoldStats", "Packer", "Receiver", "Runs", "end_of_session", "heartbeat", "packet", "request_packet"]
