from __future__ import annotations

from hftlab.recorder.event_table import EventTable
from hftlab.session import event_table


def test_the_address_of_0_1_leads_to_the_same_class() -> None:
    assert EventTable is event_table.EventTable
