"""`hftlab import` and `hftlab simulate`: the session that they make, and what they print."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from hftlab.cli.session_text import session_text
from hftlab.ingest import exchange_on
from hftlab.session import open_session
from hftlab.venues import nyse, pcap
from hftlab.venues.itch import message_bytes
from tests.command import Run, sentence
from tests.session.object_server import BUCKET, ObjectServer
from tests.venues.captures import SNAPSHOT, trade, update, write_capture
from tests.venues.look_alikes import FILES, READABLE_FILES

pytestmark = pytest.mark.usefixtures("compiled")


class TestImport:
    @pytest.fixture
    def capture(self, tmp_path: Path) -> Path:
        traded = trade(1, "100.02", "0.5", buyer_is_maker=False)
        return write_capture(tmp_path / "capture.gz", SNAPSHOT, update(10, 11, {"100.01": "5"}, {}), traded)

    def test_it_makes_a_session_and_says_what_it_met(self, capture: Path, tmp_path: Path, run: Run) -> None:
        status, out, err = run("import", "binance", capture, "-o", tmp_path / "session")
        assert (status, err) == (0, "")
        assert out.splitlines()[0] == session_text(open_session(tmp_path / "session"))
        assert any("1" in line for line in out.splitlines()[1:])

    def test_it_makes_a_session_on_an_object_store(
        self, capture: Path, tmp_path: Path, run: Run, object_store: ObjectServer
    ) -> None:
        where = f"s3://{BUCKET}/day/session"
        status, out, err = run("import", capture, "-o", where)
        assert (status, err) == (0, "")
        assert out.splitlines()[0] == session_text(open_session(where))
        run("import", capture, "-o", tmp_path / "session")
        assert run("diff", where, tmp_path / "session").out == "equal\n"
        assert "is a session already" in sentence(run("import", capture, "-o", where))
        assert not (tmp_path / "spool/s3").exists()

    def test_the_session_before_damage_stays_here(
        self, capture: Path, tmp_path: Path, run: Run, object_store: ObjectServer
    ) -> None:
        capture.write_bytes(capture.read_bytes()[:-12])
        where = f"s3://{BUCKET}/day/session"
        assert f"are in {tmp_path}/spool/s3/{BUCKET}/day/session" in sentence(run("import", capture, "-o", where))
        assert not object_store.stored()

    def test_it_takes_an_instrument(self, capture: Path, tmp_path: Path, run: Run) -> None:
        status, _, err = run(
            "import", "binance", capture, "-o", tmp_path / "s", "--instrument", "BTCUSDT,tick=0.001,lot=0.0001"
        )
        assert (status, err) == (0, "")
        (instrument,) = open_session(tmp_path / "s").manifest.source["instruments"]
        assert (instrument["tick"], instrument["lot"]) == (1_000_000, 100_000)
        status, _, err = run("import", "binance", capture, "-o", tmp_path / "t", "--instrument", "ETHUSDT")
        assert (status, err.count("\n")) == (2, 1)
        assert "'ETHUSDT' is not BTCUSDT" in err

    def test_a_truncated_capture_says_where_and_what_was_kept(self, capture: Path, tmp_path: Path, run: Run) -> None:
        capture.write_bytes(capture.read_bytes()[:-12])
        status, out, err = run("import", "binance", capture, "-o", tmp_path / "session")
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        assert f"hftlab: {capture}, line" in err
        assert f"are in {tmp_path / 'session'}" in err
        assert open_session(tmp_path / "session").manifest.messages > 0

    @pytest.mark.parametrize("pace", ["inf", "nan", "-1", "1e300"])
    def test_a_pace_that_cannot_be_is_refused(self, capture: Path, tmp_path: Path, run: Run, pace: str) -> None:
        status, out, err = run("import", capture, "-o", tmp_path / "session", "--pace", pace)
        assert (status, out) == (2, "")
        assert "--pace" in err
        assert not (tmp_path / "session").exists()

    def test_a_symbol_that_cannot_be_is_one_sentence(self, tmp_path: Path, run: Run) -> None:
        bad = update(2, 3, {"1": "1"}, {})
        bad["data"]["s"] = " AB "
        path = write_capture(tmp_path / "capture", SNAPSHOT, bad)
        status, out, err = run("import", "binance", path, "-o", tmp_path / "session")
        assert (status, out) == (2, "")
        assert err.startswith(f"hftlab: {path}, line 2: has a symbol that cannot be: ' AB ' is not a symbol")
        assert err.count("\n") == 1


class TestFormats:
    """`hftlab import FILE` and `hftlab import FORMAT FILE` are the same, where the content tells the format."""

    @pytest.mark.parametrize("name", READABLE_FILES)
    def test_the_format_is_recognised(self, tmp_path: Path, run: Run, name: str) -> None:
        path = tmp_path / "ZZT_2024-01-02_34200000_57600000_message_1.csv"
        path.write_bytes(READABLE_FILES[name][0])
        status, told, err = run("import", path, "-o", tmp_path / "recognised")
        assert (status, err) == (0, "")
        assert open_session(tmp_path / "recognised").manifest.source["format"] == name
        status, named, err = run("import", name, path, "-o", tmp_path / "named")
        assert (status, err) == (0, "")
        assert told.splitlines()[1:] == named.splitlines()[1:]

    @pytest.mark.no_cover
    @pytest.mark.parametrize("name", FILES)
    def test_a_file_of_no_format_is_refused_and_makes_no_folder(self, tmp_path: Path, run: Run, name: str) -> None:
        """Whatever format is given, or none."""
        content, what = FILES[name]
        path = tmp_path / ("ZZT_2024-01-02_34200000_57600000_message_1.csv" + ".gz" * name.endswith("-gzip"))
        path.write_bytes(content)
        for given in [[], *([one] for one in READABLE_FILES)]:
            result = run("import", *given, path, "-o", tmp_path / "session")
            assert result.status == 2, given
            said = sentence(result)
            assert said[:-1].isprintable(), given
            assert what in said or not content or name.startswith("empty"), given
            assert not (tmp_path / "session").exists(), given

    @pytest.mark.parametrize(
        ("names", "said"),
        [
            (["itch"], "there is no file to import as itch: name it behind the format"),
            (["itch", "a", "b"], "takes one file, but 2 are given"),
            ([__file__, __file__], "takes one file, but 2 are given"),
            (
                ["betamax", "a"],
                "unknown format 'betamax': choose one of binance, dbn, hftbacktest, iex, itch, kraken, lobster",
            ),
            (["absent.gz"], "absent.gz cannot be read (No such file or directory)"),
            (["."], "is a folder: name a capture file in it"),
        ],
    )
    def test_mistakes_are_said_in_one_sentence(self, tmp_path: Path, run: Run, names: list[str], said: str) -> None:
        assert said in sentence(run("import", *names, "-o", tmp_path / "session"))

    def test_a_file_may_have_the_name_of_a_format(
        self, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("itch").write_bytes(READABLE_FILES["kraken"][0])
        assert run("import", "itch", "-o", "session").status == 0
        assert open_session("session").manifest.source["format"] == "kraken"


class TestSymbols:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "2026-01-02.itch"
        path.write_bytes(READABLE_FILES["itch"][0] + message_bytes("R", stock_locate=2, stock="IDLE"))
        return path

    @pytest.mark.parametrize(
        ("symbols", "said"),
        [
            ("zzt", "does not have 'zzt' (nearest: 'ZZT')"),
            ("ZZZT,TOOLONGNAME", "does not have 'ZZZT' (nearest: 'ZZT'), 'TOOLONGNAME'"),
            ("IDLE", "has no events of IDLE"),
        ],
    )
    def test_an_import_of_nothing_has_status_2(
        self, path: Path, tmp_path: Path, run: Run, symbols: str, said: str
    ) -> None:
        assert said in sentence(run("import", path, "-o", tmp_path / "session", "--symbols", symbols))
        assert not (tmp_path / "session").exists()

    def test_what_is_there_is_imported_and_the_rest_is_told(self, path: Path, tmp_path: Path, run: Run) -> None:
        status, out, err = run("import", path, "-o", tmp_path / "session", "--symbols", "ZZT,IDEL")
        assert status == 0
        assert out.splitlines()[0] == session_text(open_session(tmp_path / "session"))
        assert err == f"hftlab: {path} does not have 'IDEL' (nearest: 'IDLE'): they were left out\n"


class TestDay:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "day.itch"
        path.write_bytes(READABLE_FILES["itch"][0])
        return path

    def test_that_nothing_says_is_asked_for(self, path: Path, tmp_path: Path, run: Run) -> None:
        status, _, err = run("import", path, "-o", tmp_path / "session")
        assert (status, err.count("\n")) == (0, 1)
        assert "the times are those of 1970-01-01, because neither day.itch nor its name says the day" in err
        assert "--date YYYY-MM-DD --overwrite" in err

    def test_is_taken(self, path: Path, tmp_path: Path, run: Run) -> None:
        status, _, err = run("import", path, "-o", tmp_path / "session", "--date", "2026-01-02")
        assert (status, err) == (0, "")
        first = open_session(tmp_path / "session").events.collect()["ts_event"].min()
        assert dt.datetime.fromtimestamp(first // 10**9, dt.UTC).date() == dt.date(2026, 1, 2)

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (("--date", "2026-13-01"), "date is '2026-13-01': write it as 2026-01-02"),
            (("--price-scale", "4"), "price_scale is for files of nyse, not of itch"),
            (("--mapping", "day.pcap"), "mapping is for files of nyse, not of itch"),
        ],
    )
    def test_options_that_do_not_go_together_are_refused(
        self, path: Path, tmp_path: Path, run: Run, more: tuple[str, str], said: str
    ) -> None:
        assert said in sentence(run("import", path, "-o", tmp_path / "session", *more))
        assert not (tmp_path / "session").exists()


class TestPartsOfADayAtNyse:
    """A capture without the messages that name its symbols, and one of the day's beginning, which has them."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        batches = exchange_on("2026-01-02", 7, ["AAPL:NYSE"]).events(5)
        nyse.write(tmp_path / "beginning.pcap", batches)
        packets = next(pcap.read(tmp_path / "beginning.pcap"))
        rest = range(10, len(packets))
        with pcap.PcapWriter(tmp_path / "rest.pcap") as writer:
            payloads = [packets.payload(number) for number in rest]
            writer.write(pcap.Datagrams.of(payloads, packets.ts_recv[10:].tolist(), packets.flows[0]))
        return tmp_path / "rest.pcap"

    def test_without_names_say_what_to_give(self, path: Path, tmp_path: Path, run: Run) -> None:
        said = sentence(run("import", path, "-o", tmp_path / "session"))
        assert "to hftlab import --mapping CAPTURE of the day's beginning, or --price-scale 4" in said

    def test_with_a_mapping_have_their_symbols(self, path: Path, tmp_path: Path, run: Run) -> None:
        mapping = tmp_path / "beginning.pcap"
        assert run("import", path, "-o", tmp_path / "session", "--mapping", mapping).status == 0
        assert open_session(tmp_path / "session").manifest.symbols == ["AAPL:NYSE"]

    def test_with_a_price_scale_have_their_indexes(self, path: Path, tmp_path: Path, run: Run) -> None:
        assert run("import", path, "-o", tmp_path / "session", "--price-scale", "4").status == 0
        (symbol,) = open_session(tmp_path / "session").manifest.symbols
        assert symbol.startswith("#")


class TestTerminal:
    def test_control_bytes_of_a_file_are_escaped(self, tmp_path: Path, run: Run) -> None:
        """An unknown message type and a symbol that would clear the screen; the order in it is not imported."""
        path, order = tmp_path / "day.itch", {"order_reference_number": 1, "buy_sell_indicator": "B", "shares": 1}
        path.write_bytes(
            READABLE_FILES["itch"][0] + b"\0\2\x1b\x1b" + message_bytes("A", stock_locate=3, stock="\x1b[2J", **order)
        )
        status, out, _ = run("import", path, "-o", tmp_path / "session")
        assert status == 0
        assert r"unknown types: \x1b 1" in out
        assert "malformed: 1" in out
        assert open_session(tmp_path / "session").manifest.symbols == ["ZZT"]
        assert "\x1b" not in out
        assert "\x1b" not in run("info", tmp_path / "session").out


class TestSimulate:
    @pytest.mark.parametrize("hours", ["inf", "nan", "0", "8785"])
    def test_a_simulation_that_would_not_end_is_refused_before_it_begins(
        self, tmp_path: Path, run: Run, hours: str
    ) -> None:
        status, out, err = run("simulate", "-o", tmp_path / "day", "--hours", hours)
        assert (status, out) == (2, "")
        assert "--hours" in err
        assert not (tmp_path / "day").exists()

    def test_it_makes_a_session_and_says_what_is_in_it(self, tmp_path: Path, run: Run) -> None:
        arguments = ("--hours", "0.01", "--symbols", "AAPL, BRK.A", "--itch", tmp_path / "day.itch")
        status, out, err = run("simulate", "-o", tmp_path / "day", *arguments)
        assert (status, err) == (0, "")
        session = open_session(tmp_path / "day")
        lines = out.splitlines()
        assert lines[0] == session_text(session)
        assert f"events: {session.manifest.rows('events'):,}" in lines[1]
        assert f"{(tmp_path / 'day.itch').stat().st_size:,} bytes" in lines[2]
        assert lines[3].endswith("BRK.A")

    def test_it_writes_the_venues_formats(self, tmp_path: Path, run: Run) -> None:
        arguments = ("--hours", "0.001", "--symbols", "AAPL:NYSE,BTCUSDT,AAPL", "--format", "nyse, binance")
        status, out, err = run("simulate", "-o", tmp_path / "day", *arguments, tmp_path / "native")
        assert (status, err) == (0, "")
        told = [line.strip() for line in out.splitlines()[2:]]
        assert [line.partition(": ")[0] for line in told[:2]] == [
            str(tmp_path / "native/nyse.pcap"),
            str(tmp_path / "native/BTCUSDT.gz"),
        ]
        assert told[2:] == ["not in any of them, because the format cannot hold them: AAPL"]
        for path in (tmp_path / "native").iterdir():
            assert run("import", path, "-o", tmp_path / path.stem)[0] == 0

    def test_a_format_needs_a_file_and_a_file_a_format(self, tmp_path: Path, run: Run) -> None:
        for given in (("--format", "nyse"), ("day.pcap",)):
            status, _, err = run("simulate", "-o", tmp_path / "day", *given)
            assert (status, err.count("\n")) == (2, 1)
            assert "--format and FILE go together" in err

    @pytest.mark.parametrize(
        ("option", "value", "said"),
        [
            ("--date", "2026-01-03", "NASDAQ is closed on 2026-01-03"),
            ("--date", "yesterday", "'yesterday'"),
            ("--symbols", "NOBODY", "no market for 'NOBODY'"),
        ],
    )
    def test_mistakes_are_said_in_one_sentence(
        self, tmp_path: Path, run: Run, option: str, value: str, said: str
    ) -> None:
        status, out, err = run("simulate", "-o", tmp_path / "day", option, value)
        assert (status, out) == (2, "")
        assert said in err
        assert err.count("\n") == 1
        assert not (tmp_path / "day").exists()
