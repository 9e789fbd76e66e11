from __future__ import annotations

from itertools import groupby, pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hftlab.gateway.account_records import AccountRecord, AnswerRecord, MessageRecord, batches

MOST = 1_000
records = st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(1, 2 * MOST)), max_size=40)


@given(records)
def test_batches_have_the_records_of_an_account_in_their_order(made: list[tuple[str, bool, int]]) -> None:
    given_records: list[tuple[str, AccountRecord, int]] = [
        (account, MessageRecord(msgspec.Raw(b"1")) if is_message else AnswerRecord("gateway", number), size)
        for number, (account, is_message, size) in enumerate(made)
    ]
    sizes = {id(record): size for _, record, size in given_records}
    found = batches("session", given_records, MOST)
    for account in "abc":
        told = [record for batch, _ in found if batch.account == account for record in batch.records]
        assert [id(one) for one in told] == [id(one) for name, one, _ in given_records if name == account]
    for batch, has_messages in found:
        assert len(batch.records) == 1 or sum(sizes[id(one)] for one in batch.records) <= MOST
        assert has_messages is any(isinstance(one, MessageRecord) for one in batch.records)
    for _, own in groupby(sorted(found, key=lambda one: one[0].account), key=lambda one: one[0].account):
        full = [sum(sizes[id(one)] for one in batch.records) for batch, _ in own]
        assert all(one + other > MOST for one, other in pairwise(full))
