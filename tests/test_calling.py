"""Advice is written for the API that is called: awaited, or plain."""

from __future__ import annotations

import asyncio

from hftlab.calling import awaited, is_plain, iterated, plainly, use_plain_calls


def test_calls_are_awaited_unless_they_are_plain() -> None:
    assert awaited("client.connect()") == "await client.connect()"
    assert plainly(lambda: awaited("client.connect()")) == "client.connect()"
    assert iterated("for m in client") == "async for m in client"
    assert plainly(lambda: iterated("for m in client")) == "for m in client"
    assert not is_plain()


async def test_tasks_inherit_it() -> None:
    """What a plain call starts says so later as well; what is beside it does not."""

    async def child() -> bool:
        return is_plain()

    async def plain() -> bool:
        use_plain_calls()
        return await asyncio.create_task(child())

    assert await asyncio.create_task(plain())
    assert not is_plain()
