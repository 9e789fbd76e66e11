"""Answers to plain HTTP requests."""

from __future__ import annotations

import json

from hftlab.server.http.answers import json_answer, preflight, shared, text_answer


def test_an_answer_says_how_long_it_is_and_that_it_is_the_last() -> None:
    for response in (json_answer(200, {"a": 1}), text_answer(503, "full", Retry_After="5")):
        assert response.body is not None
        assert response.headers["Content-Length"] == str(len(response.body))
        assert (response.headers["Connection"], response.headers["Cache-Control"]) == ("close", "no-store")
    assert json.loads(json_answer(200, {"a": 1}).body or b"") == {"a": 1}
    refusal = text_answer(503, "full", Retry_After="5")
    assert (refusal.reason_phrase, refusal.body, refusal.headers["Retry-After"]) == (
        "Service Unavailable",
        b"full\n",
        "5",
    )


def test_a_page_may_read_what_is_shared_with_its_origin() -> None:
    assert preflight("https://a.example").headers["Access-Control-Allow-Origin"] == "https://a.example"
    alone = shared(text_answer(200, "x"), None)
    assert alone.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in alone.headers
