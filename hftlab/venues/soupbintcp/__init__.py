"""SoupBinTCP: numbered messages over a TCP connection, both ends as state machines without I/O."""

from hftlab.venues.soupbintcp.connection import Client, Server
from hftlab.venues.soupbintcp.packets import (
    Broken,
    Debug,
    EndOfSession,
    LoginAccepted,
    LoginRejected,
    LoginRequest,
    Logout,
    Sequenced,
    Unsequenced,
)

__all__ = [
    "Broken",
    "Client",
    "Debug",
    "EndOfSession",
    "LoginAccepted",
    "LoginRejected",
    "LoginRequest",
    "Logout",
    "Sequenced",
    "Server",
    "Unsequenced",
]
