from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from nats.errors import NoRespondersError

from hftlab.gateway import account_outbox
from hftlab.gateway.account_outbox import AccountOutbox
from hftlab.gateway.account_records import MessageRecord, decode_batch
from hftlab.gateway.subjects import Subjects
from tests.gateway.conftest import until


class Store:
    """JetStream that refuses what is of some accounts."""

    def __init__(self) -> None:
        self.refused = {"b"}
        self.kept: list[tuple[str, list[bytes]]] = []

    async def publish(self, subject: str, payload: bytes, **_: Any) -> None:
        await asyncio.sleep(0)
        batch = decode_batch(payload)
        if batch.account in self.refused:
            raise NoRespondersError
        self.kept.append((batch.account, [bytes(record.payload) for record in batch.records]))


async def test_accounts_do_not_wait_for_one_another_and_have_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_outbox, "_RETRY", 0.001)
    outbox, store = AccountOutbox(Subjects("main"), "run", "session"), Store()
    for number in range(9):
        outbox.put("abc"[number % 3], MessageRecord(msgspec.Raw(b"%d" % number)), 100)
    running = asyncio.create_task(outbox.run(store))  # type: ignore[arg-type]
    await until(lambda: len(store.kept) == 2)
    assert store.kept == [("a", [b"0", b"3", b"6"]), ("c", [b"2", b"5", b"8"])]
    await until(lambda: outbox.problem is not None)
    store.refused.clear()
    await until(lambda: len(store.kept) == 3)
    assert store.kept[-1] == ("b", [b"1", b"4", b"7"])
    await until(lambda: outbox.problem is None)
    assert outbox.stored == 3
    running.cancel()
