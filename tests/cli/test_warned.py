"""Warnings of a command are sentences on standard error."""

from __future__ import annotations

import warnings

import pytest

from hftlab.cli.warned import echoed_warnings


def test_each_is_a_line_once_the_block_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with echoed_warnings():
        warnings.warn("first", stacklevel=1)
        warnings.warn("sec\x1bond", stacklevel=1)
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err == "hftlab: first\nhftlab: sec\\x1bond\n"


def test_an_error_does_not_hide_them(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), echoed_warnings():
        warnings.warn("before it", stacklevel=1)
        raise ValueError("broken")
    assert capsys.readouterr().err == "hftlab: before it\n"
