"""A session's manifest in words: short where hftlab has written it, and never a traceback or Python's own syntax."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftlab.cli.session_text import events_end_text, extent_text, session_text, source_text, time_text
from hftlab.session import Session
from hftlab.session.manifest import write_manifest
from tests.command import Run
from tests.session.sessions import numbered, write_session

PYTHON = re.compile(r"None\b|\bTrue\b|\bFalse\b|[{}\[\]]|datetime|Session\(")
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.sampled_from(["", "ab"]),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from("abc"), some, max_size=3),
    max_leaves=6,
)


def test_a_session_is_one_line(session: Session) -> None:
    size = f"{session.manifest.size:,}"
    assert session_text(session) == f"{session.folder}: 6 messages of 1 symbol in 0.0 s, {size} bytes"


def test_the_time_is_said_where_it_is_known(session: Session, tmp_path: Path) -> None:
    said = time_text(session)
    assert said is not None
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} UTC to \d{4}-.* UTC", said)
    assert time_text(write_session(tmp_path / "empty", [])) is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"name": "ws://127.0.0.1:8081", "kind": "client"}, "ws://127.0.0.1:8081 (client)"),
        ({"name": "x", "clock": {"speed": 2.5, "drift": None}, "live": True}, "x (clock speed 2.5, live yes)"),
        ({"name": None, "kind": {}, "seed": None}, "unknown"),
        ({"name": {"a": 1}, "a_list": [1, 2]}, "a 1 (2 a lists)"),
        ({"name": "\x1b[2J", "note": "y" * 300}, f"\\x1b[2J (note {'y' * 200}...)"),
    ],
)
def test_a_source_is_its_name_and_facts(source: dict[str, Any], said: str) -> None:
    assert source_text(source) == said


@pytest.mark.parametrize(
    ("extent", "said"),
    [
        (None, None),
        ({"whole": True}, None),
        ({}, None),
        ([1], None),
        ({"whole": False}, "the source was not read to its end"),
        ({"whole": False, "bytes": 1000, "size": 2000}, "the source was not read to its end: 1,000 of 2,000 bytes of "),
        ({"whole": False, "until": 0}, "the source was not read to its end: up to 1970-01-01 00:00:00.000000 UTC"),
        ({"whole": False, "until": "now", "bytes": "many", "size": [5]}, "the source was not read to its end"),
        ({"whole": False, "until": 2**80}, "the source was not read to its end"),
        (
            {"whole": False, "bytes": 10, "size": 2000, "until": 0, "events_until": None},
            "the source was not read to its end: at least 10 of 2,000 bytes of the file; up to 1970-01-01 00:00:00",
        ),
        (
            {"whole": False, "until": 10**9, "events_until": 0},
            "the source was not read to its end: messages up to 1970-01-01 00:00:01.000000 UTC, order-level events up "
            "to 1970-01-01 00:00:00.000000 UTC",
        ),
    ],
)
def test_an_extent_is_said_as_far_as_it_is_known(extent: object, said: str | None) -> None:
    found = extent_text(extent)
    assert found == said or (found is not None and said is not None and found.startswith(said))


@pytest.mark.parametrize(
    ("extent", "said"),
    [
        (None, None),
        ({"until": 10**9}, None),
        ({"until": 10**9, "events_until": None}, None),
        ({"until": 10**9, "events_until": 10**9}, None),
        (
            {"until": 10**9, "events_until": 0},
            "the order-level events end at 1970-01-01 00:00:00.000000 UTC, before the messages",
        ),
    ],
)
def test_events_that_end_before_the_messages_are_said(extent: object, said: str | None) -> None:
    assert events_end_text(extent) == said


@given(
    source=st.dictionaries(
        st.sampled_from(["name", "kind", "seed", "instruments", "stats", "extent", "a_fact"]), anything, max_size=5
    ),
    extent=st.dictionaries(st.sampled_from(["whole", "bytes", "size", "until", "events_until"]), anything),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_manifest_says_info_shows_it(
    tmp_path_factory: pytest.TempPathFactory, run: Run, source: dict[str, Any], extent: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("nonsense") / "session"
    manifest = write_session(folder, [(1, numbered(1))]).manifest
    manifest.source = source if "extent" in source else source | {"extent": extent}
    write_manifest(folder, manifest)
    status, out, err = run("info", folder)
    assert (status, err) == (0, "")
    assert not PYTHON.search(out.replace(str(folder), ""))
