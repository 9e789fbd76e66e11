"""Names that hftlab.recorder had in 0.1 are still found there."""

from __future__ import annotations

import pytest

import hftlab.ingest
import hftlab.recorder
import hftlab.session


@pytest.mark.parametrize("name", ["Recovery", "Replay", "Session", "SessionWriter", "open_session", "recover"])
def test_a_name_that_moved_to_session_is_found_here(name: str) -> None:
    assert getattr(hftlab.recorder, name) is getattr(hftlab.session, name)


@pytest.mark.parametrize("name", ["FORMATS", "Imported", "import_capture"])
def test_a_name_that_moved_to_ingest_is_found_here(name: str) -> None:
    assert getattr(hftlab.recorder, name) is getattr(hftlab.ingest, name)


def test_an_import_statement_finds_them_too() -> None:
    from hftlab.recorder import Recording, import_capture

    assert (Recording, import_capture) == (hftlab.recorder.Recording, hftlab.ingest.import_capture)


def test_a_name_that_never_was_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'hftlab.recorder' has no attribute 'nonsense'"):
        hftlab.recorder.nonsense  # noqa: B018
