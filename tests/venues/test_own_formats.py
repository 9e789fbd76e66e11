"""Formats of other packages: the example's package, installed, and broken ones."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hftlab.errors import CaptureError
from hftlab.ingest import import_capture
from hftlab.venues import own_formats
from hftlab.venues.recognition import recognise, recognise_format
from tests.command import Run, make_run

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_venue"
TAPE = """#tape AAPL
1767364200000000000 add 17 buy 175.25 100
1767364201000000000 add 18 sell 175.27 50
"""


ODD = """
import hftlab as hl

def batch(path):
    row = {{"ts": [1767364200000000000], "action": ["A"], "side": ["B"], "price": [1.0], "size": [1]}}
    return hl.EventBatch.from_frame(row, instrument="AAPL")

class Told(list):
    def __init__(self, batch):
        super().__init__([batch])
        self.instruments, self.stats = 5, {{5: {{1}}, "days": {{1: 2}}}}

def read(path):
    {body}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's package as pip installs it."""
    source, target = tmp_path_factory.mktemp("source") / "own_venue", tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*command, str(target), str(source)], check=True, capture_output=True)
    return target


@pytest.fixture
def tape(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None) -> Path:
    monkeypatch.syspath_prepend(installed)
    path = tmp_path / "day.tape"
    path.write_text(TAPE)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return make_run(monkeypatch, capsys)


@pytest.fixture
def fresh() -> Iterator[None]:
    """Entry points are read once a process: here before and after each test."""
    own_formats._entry_points.cache_clear()
    yield
    own_formats._entry_points.cache_clear()
    sys.modules.pop("tape_venue", None)


def declare(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    text: str = "",
    *,
    name: str = "odd",
    package: str = "odd",
) -> None:
    """Install a package with one format by hand."""
    info = folder / "site" / f"{package}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[hftlab.venues]\n{name} = {target}\n")
    (folder / "site" / f"{target}.py").write_text(text)
    monkeypatch.syspath_prepend(info.parent)


class TestExample:
    def test_its_files_are_known_by_looking(self, tape: Path) -> None:
        assert recognise(tape) == (
            "tape",
            "lines `<ns> <add|cancel|trade> <order> <buy|sell> <price> <size>` behind `#tape SYMBOL`",
        )

    def test_its_files_are_imported(self, tape: Path, tmp_path: Path) -> None:
        imported = import_capture("tape", tape, tmp_path / "session")
        events = imported.session.events.collect()
        assert events["price"].to_list() == [175_250_000_000, 175_270_000_000]
        assert events["symbol"].unique().to_list() == ["AAPL"]
        assert imported.stats == {"filtered": {}}
        assert imported.session.manifest.source["instruments"][0]["symbol"] == "AAPL"

    def test_the_command_imports_them(self, tape: Path, tmp_path: Path, run: Run) -> None:
        status, out, err = run("import", tape, "-o", tmp_path / "session")
        assert (status, err) == (0, "")
        assert "session: 2 messages of 1 symbol" in out

    def test_options_that_its_read_does_not_take_are_refused(self, tape: Path, tmp_path: Path) -> None:
        with pytest.raises(CaptureError, match="'tape' takes no symbols"):
            import_capture("tape", tape, tmp_path / "session", symbols=["AAPL"])

    def test_a_file_that_nobody_reads_is_refused_with_it_in_the_list(self, tape: Path, tmp_path: Path) -> None:
        (tmp_path / "odd").write_bytes(b"\x01\x02\x03 odd")
        with pytest.raises(CaptureError, match=r"tape: lines `<ns>"):
            recognise_format(tmp_path / "odd")


@pytest.mark.usefixtures("fresh")
class TestBroken:
    def test_a_package_that_cannot_be_loaded_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        declare(tmp_path, monkeypatch, "odd_broken", "1 / 0")
        with pytest.raises(CaptureError, match=r"'odd' of odd cannot be loaded \(ZeroDivisionError: division"):
            own_formats.find_format("odd")

    def test_a_package_that_cannot_be_loaded_does_no_harm_to_others(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        declare(tmp_path, monkeypatch, "odd_broken_too", "1 / 0")
        (tmp_path / "file").write_bytes(b"\x01\x02\x03 odd")
        with pytest.warns(UserWarning, match="'odd' cannot tell whether a file is its own"):
            assert recognise(tmp_path / "file").format is None

    def test_a_package_without_read_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        declare(tmp_path, monkeypatch, "odd_empty")
        with pytest.raises(CaptureError, match=r"'odd' of odd has no read\(\)"):
            own_formats.find_format("odd")

    def test_what_is_no_batch_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        declare(tmp_path, monkeypatch, "odd_rows", "def read(path, **options):\n    yield 7\n")
        path = tmp_path / "file"
        path.write_bytes(b"7")
        with pytest.raises(CaptureError, match=r"read\(\) of 'odd' has yielded int"):
            import_capture("odd", path, tmp_path / "session")

    def test_an_unknown_name_lists_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        declare(tmp_path, monkeypatch, "odd_names", "def read(path):\n    yield 7\n")
        with pytest.raises(CaptureError, match=r"choose one of .*lobster.*, odd$"):
            import_capture("tape", tmp_path / "file", tmp_path / "session")

    def test_a_package_that_ends_the_process_when_it_is_loaded_does_not(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        declare(tmp_path, monkeypatch, "odd_exit", "raise SystemExit(3)")
        with pytest.raises(CaptureError, match=r"'odd' of odd cannot be loaded \(SystemExit: 3\)"):
            own_formats.find_format("odd")

    def test_a_name_of_hftlab_stays_hftlabs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        declare(
            tmp_path, monkeypatch, "odd_name", "def read(path): ...\ndef recognises(head): return True\n", name="nyse"
        )
        (tmp_path / "file").write_bytes(b"\x01\x02\x03 odd")
        with pytest.warns(UserWarning, match="the format 'nyse' of odd is left out, because hftlab itself has one"):
            assert recognise(tmp_path / "file").format is None

    def test_of_two_packages_with_a_name_the_first_is_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        declare(tmp_path / "one", monkeypatch, "odd_first", "def read(path): ...\n")
        declare(tmp_path / "two", monkeypatch, "odd_second", "def read(path): ...\n", package="even")
        with pytest.warns(UserWarning, match="the format 'odd' of odd is left out, because even has one"):
            assert own_formats.format_names() == ["odd"]

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ("1 / 0", r"read\(\) of the format 'odd' has raised ZeroDivisionError at .*file \(division by zero\)"),
            ("yield 1 / 0", r"read\(\) of the format 'odd' has raised ZeroDivisionError at .*file"),
            ("return None", r"read\(\) of 'odd' has returned NoneType: it has to yield EventBatch"),
            ("return batch(path)", r"read\(\) of 'odd' has returned EventBatch: it has to yield EventBatch"),
            ("return Told(batch(path))", r"read\(\) of 'odd' has instruments of int: give Instruments"),
        ],
    )
    def test_a_read_that_goes_wrong_is_named(
        self, body: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        declare(tmp_path, monkeypatch, re.sub(r"\W", "_", f"odd {body}"), ODD.format(body=body))
        (tmp_path / "file").write_bytes(b"7")
        with pytest.raises(CaptureError, match=said):
            import_capture("odd", tmp_path / "file", tmp_path / "session")

    def test_counts_of_any_kind_are_kept_as_text(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        body = "told = Told(batch(path)); del told.instruments; return told"
        declare(tmp_path, monkeypatch, "odd_counts", ODD.format(body=body))
        (tmp_path / "file").write_bytes(b"7")
        stats = import_capture("odd", tmp_path / "file", tmp_path / "session").session.manifest.source["stats"]
        assert (stats["5"], stats["days"]) == ("{1}", {"1": 2})
