"""Doubles for tests of code that uses hftlab: a client and servers that do what a test says, on a clock of their own.

`FakeClient` is hftlab.Client with a connection in memory: everything above the socket is the real one; `FakeLabClient`
is the same as plain calls. A test with `@virtual_time` runs on a virtual clock, where a minute takes no time. `Script`
says what the server answers; `ScriptedServer` says it over a real WebSocket.
"""

from __future__ import annotations

from hftlab.testing.fake_client import FakeClient
from hftlab.testing.fake_lab_client import FakeLabClient
from hftlab.testing.market import market_data
from hftlab.testing.script import Script
from hftlab.testing.scripted_server import ScriptedServer
from hftlab.testing.steps import Close, Drop, Silence, Step, Wait, refuse
from hftlab.testing.virtual_loop import VirtualLoop, run, virtual_time

__all__ = [
    "Close",
    "Drop",
    "FakeClient",
    "FakeLabClient",
    "Script",
    "ScriptedServer",
    "Silence",
    "Step",
    "VirtualLoop",
    "Wait",
    "market_data",
    "refuse",
    "run",
    "virtual_time",
]
