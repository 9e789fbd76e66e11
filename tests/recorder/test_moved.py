"""What hftlab.recorder had in 0.1 is still found there: names of the package, and whole modules."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import hftlab.ingest
import hftlab.recorder
import hftlab.session
from hftlab.recorder.moved import MODULES, NAMES, register


class TestNames:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_name_is_that_of_its_package(self, name: str) -> None:
        home = importlib.import_module(f"hftlab.{NAMES[name]}")
        assert getattr(hftlab.recorder, name) is getattr(home, name)

    def test_an_import_statement_finds_them_too(self) -> None:
        from hftlab.recorder import Recording, import_capture

        assert (Recording, import_capture) == (hftlab.recorder.Recording, hftlab.ingest.import_capture)

    def test_they_are_listed(self) -> None:
        listed = dir(hftlab.recorder)
        assert {*hftlab.recorder.__all__, *NAMES, *MODULES} <= set(listed)
        assert listed == sorted(listed)

    def test_a_name_that_never_was_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match=r"'hftlab.recorder' has no attribute 'nonsense'"):
            hftlab.recorder.nonsense  # noqa: B018


class TestModules:
    @pytest.mark.parametrize("name", MODULES)
    def test_both_addresses_are_one_module(self, name: str) -> None:
        """It keeps its new name, and the import system's knowledge of it."""
        home = importlib.import_module(f"hftlab.{MODULES[name]}")
        assert importlib.import_module(f"hftlab.recorder.{name}") is home
        assert getattr(hftlab.recorder, name) is home
        assert home.__name__ == home.__spec__.name == f"hftlab.{MODULES[name]}"

    def test_the_first_import_of_a_program_finds_them(self) -> None:
        """In each form of the statement, before anything else of hftlab is there."""
        code = (
            "import hftlab.recorder.importing\n"
            "from hftlab.recorder.session import open_session\n"
            "from hftlab.recorder import journal\n"
            "print(hftlab.recorder.importing.__name__, open_session.__module__, journal.__name__)\n"
        )
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert said.split() == ["hftlab.ingest.importing", "hftlab.session.session", "hftlab.session.journal"]

    def test_a_module_that_never_was_is_not_found(self) -> None:
        with pytest.raises(ModuleNotFoundError, match=r"hftlab\.recorder\.nonsense"):
            importlib.import_module("hftlab.recorder.nonsense")

    def test_registering_again_does_nothing(self) -> None:
        before = list(sys.meta_path)
        register()
        assert sys.meta_path == before
