"""`hftlab bench`: a benchmark's result as text or as JSON."""

from __future__ import annotations

import json

import pytest

from hftlab.bench.result import Result
from tests.command import Run, sentence

RESULT = Result("codec", 4.5, 3.0, True, {"decode_us": 12.345678, "json_bytes": 12345})


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the measurement by a fixed result."""
    monkeypatch.setattr("hftlab.bench.codec.run", lambda: RESULT)


def test_text_is_for_people(run: Run) -> None:
    assert run("bench", "codec") == (
        0,
        "codec: ratio 4.50, must 3, met\n  decode us: 12.35\n  json bytes: 12,345\n",
        "",
    )


def test_json_is_for_programs(run: Run) -> None:
    status, out, _ = run("bench", "codec", "--json")
    assert (status, out.count("\n")) == (0, 1)
    assert json.loads(out) == {
        "bench": "codec",
        "ratio": 4.5,
        "must": 3.0,
        "met": True,
        "figures": {"decode_us": 12.345678, "json_bytes": 12345},
    }


def test_an_unknown_one_is_named_with_those_that_there_are(run: Run) -> None:
    said = sentence(run("bench", "speed"))
    assert "no benchmark is called 'speed'" in said
    assert "codec, connections, decode, fanout" in said
