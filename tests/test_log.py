"""Log lines: key=value pairs for files and programs, a sentence for a person at the command line."""

from __future__ import annotations

import logging

import pytest

from hftlab.log import NoticeFormatter, get_logger


@pytest.fixture
def record(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    get_logger("hftlab.test").warning("slow reader, 100% behind", connection="conn_1", milliseconds=1.5)
    (made,) = caplog.records
    return made


def test_a_record_has_its_pairs_as_text_and_as_fields(record: logging.LogRecord) -> None:
    assert record.getMessage() == "event=slow reader, 100% behind connection=conn_1 milliseconds=1.5"
    assert vars(record)["fields"] == {
        "event": "slow reader, 100% behind",
        "connection": "conn_1",
        "milliseconds": 1.5,
    }


class TestNotices:
    def test_an_event_is_a_sentence_with_its_facts(self, record: logging.LogRecord) -> None:
        expected = "hftlab: slow reader, 100% behind (connection: conn_1, milliseconds: 1.5)"
        assert NoticeFormatter().format(record) == expected

    def test_an_event_without_facts_has_no_brackets(self, caplog: pytest.LogCaptureFixture) -> None:
        get_logger("hftlab.test").warning("compiling the exchange")
        assert NoticeFormatter().format(caplog.records[0]) == "hftlab: compiling the exchange"

    def test_an_exception_comes_on_lines_of_its_own(self, caplog: pytest.LogCaptureFixture) -> None:
        get_logger("hftlab.test").error("the source failed", exc_info=ValueError("a bad line"))
        first, *_, last = NoticeFormatter().format(caplog.records[0]).splitlines()
        assert (first, last) == ("hftlab: the source failed", "ValueError: a bad line")

    def test_another_library_s_is_told_by_its_name(self) -> None:
        other = logging.LogRecord("asyncio", logging.WARNING, "", 0, "slow %s", ("callback",), None)
        assert NoticeFormatter().format(other) == "asyncio: slow callback"
