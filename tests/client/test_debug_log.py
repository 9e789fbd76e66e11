from __future__ import annotations

import json

import pytest

from hftlab.client.debug_log import WebSocketDebugLogger


def test_only_the_level_and_above_is_kept() -> None:
    logger = WebSocketDebugLogger("WARN")
    for level in ("DEBUG", "INFO", "WARN", "ERROR"):
        logger.log(level, level.lower())
    assert [log.message for log in logger.logs()] == ["warn", "error"]
    assert [log.message for log in logger.logs("ERROR")] == ["error"]
    assert logger.logs("INFO") == []


def test_it_holds_a_thousand_and_shows_the_newest_hundred() -> None:
    logger = WebSocketDebugLogger()
    for number in range(1200):
        logger.log("INFO", str(number))
    assert len(logger) == 1000
    assert [log.message for log in logger.logs()] == [str(number) for number in range(1100, 1200)]
    assert [log.message for log in logger.logs(limit=2)] == ["1198", "1199"]
    assert logger.logs(limit=0) == []


def test_the_export_is_json() -> None:
    logger = WebSocketDebugLogger()
    logger.log("ERROR", "broken", {"code": 1006, "why": OSError("gone")}, stack="line 1")
    (log,) = json.loads(logger.export())
    assert log.pop("timestamp") > 1.7e12
    assert log == {"level": "ERROR", "message": "broken", "data": {"code": 1006, "why": "gone"}, "stack": "line 1"}
    assert json.loads(WebSocketDebugLogger().export()) == []


def test_a_level_that_is_none_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="unknown level 'TRACE'"):
        WebSocketDebugLogger().log("TRACE", "x")


def test_it_says_how_much_of_each_level_it_has() -> None:
    logger = WebSocketDebugLogger()
    assert repr(logger) == "<hftlab debug log: empty>"
    for level in ("ERROR", "INFO", "INFO"):
        logger.log(level, "x")
    assert repr(logger) == "<hftlab debug log: 2 INFO, 1 ERROR>"
