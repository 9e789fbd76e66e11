"""Records of accounts on their way from a publisher to JetStream, those of one account stored in their order."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

from hftlab.gateway.account_records import AccountRecord, Batch, batches, encode
from hftlab.gateway.subjects import Subjects, token_of
from hftlab.log import get_logger

if TYPE_CHECKING:
    from nats.js import JetStreamContext

__all__ = ["AccountOutbox"]

_BATCH_BYTES: Final = 128 * 1024
_BATCH: Final = 256
"""Records that are on their way together."""
_MOST: Final = 200_000
"""Records that may wait; beyond them the oldest are dropped, and clients notice the numbers that are missing."""
_RETRY: Final = 0.2
_TIMEOUT: Final = 1.0

_log = get_logger("hftlab.gateway")


class AccountOutbox:
    """Queue of records of all accounts. A batch that JetStream has not acknowledged is sent again, never twice kept."""

    def __init__(self, subjects: Subjects, run: str, session: str) -> None:
        self.stored = self.dropped = 0
        """Batches that JetStream has, and records that it never got."""
        self.problem: str | None = None
        """Sentence that says why nothing can be told at present; None if all can."""
        self._subjects, self._run, self._session = subjects, run, session
        self._records: deque[tuple[str, AccountRecord, int]] = deque()
        self._awake = asyncio.Event()
        self._refused: set[str] = set()
        """Subjects whose batch JetStream does not take at present."""
        self._number = 0

    def __len__(self) -> int:
        return len(self._records)

    def put(self, account: str, record: AccountRecord, size: int = 200) -> None:
        """Add a record of an account; `size` is about its bytes."""
        if len(self._records) >= _MOST:
            self._records.popleft()
            self.dropped += 1
        self._records.append((account, record, size))
        self._awake.set()

    async def run(self, js: JetStreamContext) -> None:
        """Send what waits, until it is cancelled."""
        while True:
            while not self._records:
                self._awake.clear()
                await self._awake.wait()
            ready = [self._records.popleft() for _ in range(min(len(self._records), _BATCH))]
            of_account: defaultdict[str, list[tuple[Batch, bool]]] = defaultdict(list)
            for batch, has_messages in batches(self._session, ready, _BATCH_BYTES):
                of_account[batch.account].append((batch, has_messages))
            await asyncio.gather(*(self._store_all(js, own) for own in of_account.values()))

    async def _store_all(self, js: JetStreamContext, of_account: list[tuple[Batch, bool]]) -> None:
        """Store the batches of one account, one after the other."""
        for batch, has_messages in of_account:
            self._number += 1
            kind = self._subjects.messages if has_messages else self._subjects.answers
            subject = f"{kind}.{token_of(batch.account)}"
            await self._store(js, subject, encode(batch), f"{self._run}-{self._number}")

    async def _store(self, js: JetStreamContext, subject: str, payload: bytes, number: str) -> None:
        from nats.errors import Error, MaxPayloadError

        is_told = False
        while True:
            try:
                await js.publish(subject, payload, timeout=_TIMEOUT, headers={"Nats-Msg-Id": number})
            except MaxPayloadError:
                _log.error("a record of an account is too big for NATS and is left out", bytes=len(payload))
                return
            except (Error, OSError) as exc:
                self._refused.add(subject)
                self.problem = f"JetStream does not take what accounts are told ({str(exc) or type(exc).__name__})"
                if not is_told:
                    is_told = True
                    _log.warning("JetStream does not take what accounts are told: trying again", reason=repr(exc))
                await asyncio.sleep(_RETRY)
            else:
                self.stored += 1
                self._refused.discard(subject)
                if not self._refused:
                    self.problem = None
                return
