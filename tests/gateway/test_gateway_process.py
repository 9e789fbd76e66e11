"""Lines of a gateway's process come out here, however long they are."""

from __future__ import annotations

import asyncio

import pytest

from hftlab.gateway.gateway_process import _forward


async def test_a_line_that_is_too_long_does_not_end_the_reading(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe that nobody reads any more would stop the gateway."""
    lines = asyncio.StreamReader(limit=100)
    forwarding = asyncio.create_task(_forward(lines))
    for line in (b"first\n", b"x" * 500 + b"\n", b"last\n"):
        lines.feed_data(line)
        await asyncio.sleep(0)
    lines.feed_eof()
    await forwarding
    assert capsys.readouterr().err == "first\nlast\n"
