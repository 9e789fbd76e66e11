from __future__ import annotations

from hftlab.recorder.writer import SessionWriter
from hftlab.session import writer


def test_the_address_of_0_1_leads_to_the_same_class() -> None:
    assert SessionWriter is writer.SessionWriter
