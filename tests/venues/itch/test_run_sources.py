"""ITCH in packets: what is read from them is what is read from the plain file, with the packets' numbers and times."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from hftlab.errors import CaptureError
from hftlab.events import COLUMNS, F_LAST, F_MAYBE_BAD_BOOK, EventBatch
from hftlab.instruments import UNIT
from hftlab.venues import itch
from hftlab.venues.itch import message_bytes
from hftlab.venues.itch.run_sources import framing_of
from hftlab.venues.moldudp64 import end_of_session, heartbeat, packet
from hftlab.venues.pcap import Datagrams, PcapWriter
from tests.venues.itch.packets import framed, mold_packets, soup, unframed
from tests.venues.look_alikes import ITCH_50, pcapng
from tests.venues.pcap.packets import FLOWS
from tests.venues.pcap.test_reader import pa_zstd

A, B = FLOWS[:2]
NOON = 1_577_725_200 * UNIT  # 2019-12-30 12:00 in New York
DAY = 86_400 * UNIT
MIDNIGHT = 1_577_682_000 * UNIT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capture"


@pytest.fixture
def plain(tmp_path: Path) -> EventBatch:
    (tmp_path / "plain").write_bytes(ITCH_50)
    return EventBatch.concat(itch.read(tmp_path / "plain", date="2019-12-30"))


def written(path: Path, payloads: list[bytes], *flows: object, step: int = 1000) -> Path:
    with PcapWriter(path) as writer:
        writer.write(Datagrams.of(payloads, [NOON + step * number for number in range(len(payloads))], *flows or (A,)))
    return path


def same_rows(found: EventBatch, wanted: EventBatch, *but: str) -> None:
    assert len(found) == len(wanted) > 0
    for column in COLUMNS.keys() - set(but):
        assert getattr(found, column).tolist() == getattr(wanted, column).tolist(), column


class TestCaptures:
    def test_have_the_plain_files_events_with_their_own_times(self, path: Path, plain: EventBatch) -> None:
        payloads = mold_packets(ITCH_50, first=101)
        reader = itch.read(written(path, payloads))
        found = EventBatch.concat(reader)
        same_rows(found, plain, "ts_recv", "sequence")
        assert (found.sequence - plain.sequence == 100).all()
        # Three messages a packet; the first two have no rows.
        assert found.ts_recv.tolist() == [NOON + 1000 * ((number - 1) // 3) for number in plain.sequence.tolist()]
        assert (reader.sessions, reader.gaps, reader.stats.messages["A"]) == (("S1",), (), 19)

    def test_of_two_lines_have_each_message_once(self, path: Path, plain: EventBatch) -> None:
        one = mold_packets(ITCH_50)
        # A has lost its second packet, B its third.
        payloads = [x for pair in zip(one, one, strict=True) for x in pair]
        del payloads[2], payloads[4 - 0]
        with PcapWriter(path) as writer:
            datagrams = Datagrams.of(payloads, [NOON + number for number in range(len(payloads))], A, B)
            writer.write(datagrams)
        reader = itch.read(path)
        same_rows(EventBatch.concat(reader), plain, "ts_recv")
        assert reader.stats.gaps == 0
        assert reader.stats.duplicates == sum(len(framed(x[20:])) for x in payloads) - len(framed(ITCH_50))

    def test_of_lines_that_lose_and_swap_packets_are_whole_or_tell_what_is_missing(
        self, path: Path, plain: EventBatch
    ) -> None:
        payloads = [x for one in mold_packets(ITCH_50, size=1) for x in (one, one)]
        count = len(payloads)
        for seed in range(30):
            random = np.random.default_rng(seed)
            kept = random.random(count) > 0.3
            kept[:2] = kept[-2:] = True
            times = NOON + 1000 * np.arange(count) + random.integers(0, random.choice([1, 20_000]), count)
            order = [number for number in np.argsort(times, kind="stable").tolist() if kept[number]]
            datagrams = Datagrams.of([payloads[number] for number in order], times[order].tolist(), A, B)
            datagrams.flow[:] = [number % 2 for number in order]
            with PcapWriter(path) as writer:
                writer.write(datagrams)
            reader = itch.read(path)
            found = EventBatch.concat(reader)
            had = {1 + number // 2 for number in order}
            missing = {number for gap in reader.gaps for number in range(gap.first, gap.last + 1)}
            assert missing == set(range(1, 1 + count // 2)) - had
            wanted = [row for row, number in enumerate(plain.sequence.tolist()) if number in had]
            assert found.sequence.tolist() == plain.sequence[wanted].tolist()
            assert found.order_id.tolist() == plain.order_id[wanted].tolist()
            assert (np.diff(found.ts_recv) >= 0).all()

    def test_that_lack_messages_tell_which_and_flag_what_follows(self, path: Path, plain: EventBatch) -> None:
        payloads = mold_packets(ITCH_50)
        reader = itch.read(written(path, [*payloads[:2], *payloads[3:], heartbeat("S1", 22)]))
        found = EventBatch.concat(reader)
        assert [(gap.first, gap.last, gap.stream) for gap in reader.gaps] == [(7, 9, 0)]
        assert (reader.stats.gaps, reader.stats.missing) == (1, 3)
        assert found.sequence.tolist() == [3, 4, 5, 6, *range(10, 22)]
        assert found.flags.tolist() == [F_LAST] * 4 + [F_LAST | F_MAYBE_BAD_BOOK] * 12

    def test_of_several_sessions_give_each_its_own_orders(self, path: Path, plain: EventBatch) -> None:
        one, two = mold_packets(ITCH_50, session="S1"), mold_packets(ITCH_50, session="S2")
        payloads = [x for pair in zip(one, two, strict=True) for x in pair]
        reader = itch.read(written(path, [*payloads, end_of_session("S1", 22)]))
        found = EventBatch.concat(reader)
        assert len(found) == 2 * len(plain)
        assert (reader.sessions, reader.stats.repeated_references, reader.stats.live_orders) == (("S1", "S2"), 0, 38)
        only = EventBatch.concat(itch.read(path, session="S2"))
        same_rows(only, plain, "ts_recv")

    def two_days(self, path: Path, session: str) -> Path:
        """The same messages on two days, on the second in the session of that name."""
        one, two = mold_packets(ITCH_50), mold_packets(ITCH_50, session=session, first=len(framed(ITCH_50)) + 1)
        times = [NOON + number for number in range(len(one))]
        with PcapWriter(path) as writer:
            writer.write(Datagrams.of([*one, *two], [*times, *(time + DAY for time in times)], A))
        return path

    def test_of_two_days_begin_the_second_with_empty_books(self, path: Path, plain: EventBatch) -> None:
        """Its times count from its own midnight, unless another is given."""
        found = EventBatch.concat(itch.read(self.two_days(path, "S2")))
        count, symbols = len(plain), len(plain.instruments)
        same_rows(found[:count], plain, "ts_recv", "sequence")
        assert bytes(found.action[count:-count].tolist()) == b"R" * symbols
        assert found.instrument_id[count:-count].tolist() == list(range(symbols))
        same_rows(found[-count:], plain, "ts_recv", "ts_event", "sequence")
        assert (found.ts_event[-count:] - plain.ts_event == DAY).all()
        fixed = EventBatch.concat(itch.read(path, date="2019-12-30"))
        assert len(fixed) == 2 * count + symbols
        assert fixed.ts_event[-count:].tolist() == plain.ts_event.tolist()

    def test_of_a_session_that_goes_on_behind_midnight_are_of_one_day(self, path: Path, plain: EventBatch) -> None:
        found = EventBatch.concat(itch.read(self.two_days(path, "S1")))
        assert len(found) == 2 * len(plain)
        assert found.ts_event.tolist() == plain.ts_event.tolist() * 2

    def test_of_two_sessions_that_go_on_behind_midnight_are_of_one_day(self, path: Path, plain: EventBatch) -> None:
        one, two = mold_packets(ITCH_50), mold_packets(ITCH_50, session="S2")
        with PcapWriter(path) as writer:
            for at, payloads in (
                (NOON, one[:4]),
                (NOON + 1, two[:4]),
                (NOON + DAY, one[4:]),
                (NOON + DAY + 1, two[4:]),
            ):
                writer.write(Datagrams.of(payloads, at, A))
        found = EventBatch.concat(itch.read(path))
        assert len(found) == 2 * len(plain)
        assert found.ts_event.max() == plain.ts_event.max()

    def test_leave_out_other_feeds(self, path: Path, plain: EventBatch) -> None:
        others = [packet("OTHER", number, [b"?", b"Axx"]) for number in (1, 3)]
        payloads = [b"hello", others[0], *mold_packets(ITCH_50), others[1]]
        same_rows(EventBatch.concat(itch.read(written(path, payloads))), plain, "ts_recv")
        assert {letter for part in itch.messages(path) for letter in part} == {"S", "R", "A"}

    @pytest.mark.parametrize("pack", [gzip.compress, pa_zstd])
    def test_may_be_packed(self, path: Path, plain: EventBatch, pack: object) -> None:
        written(path, mold_packets(ITCH_50))
        path.write_bytes(pack(path.read_bytes()))  # type: ignore[operator]
        same_rows(EventBatch.concat(itch.read(path)), plain, "ts_recv")

    def test_of_pcapng_too(self, path: Path, plain: EventBatch) -> None:
        path.write_bytes(pcapng(*mold_packets(ITCH_50)))
        same_rows(EventBatch.concat(itch.read(path, date="2019-12-30")), plain)  # its times are all 0: none

    def test_that_end_within_a_packet_say_so(self, path: Path) -> None:
        written(path, mold_packets(ITCH_50))
        path.write_bytes(path.read_bytes()[:-5])
        reader = itch.read(path)
        assert len(EventBatch.concat(reader)) == 16
        assert reader.stats.is_torn

    def test_damaged_ones_raise_after_what_is_whole(self, path: Path) -> None:
        written(path, mold_packets(ITCH_50))
        path.write_bytes(path.read_bytes() + b"\xff" * 99)
        reader, rows = itch.read(path), 0
        with pytest.raises(CaptureError, match=r"byte .* of the capture: the record there has a length that cannot be"):
            for batch in reader:
                rows += len(batch)
        assert rows == 19

    @pytest.mark.parametrize("payloads", [[b"hello"], [packet("S1", 1, [b"?"])], []])
    def test_without_such_messages_are_refused(self, path: Path, payloads: list[bytes]) -> None:
        with pytest.raises(CaptureError, match=r"capture does not have TotalView-ITCH 5\.0 in MoldUDP64 packets"):
            list(itch.read(written(path, payloads)))

    def test_small_batches_are_the_large_one(self, path: Path, plain: EventBatch) -> None:
        written(path, mold_packets(ITCH_50, size=10))
        batches = list(itch.read(path, chunk=3))
        assert max(map(len, batches)) <= 3
        same_rows(EventBatch.concat(batches), plain, "ts_recv")


class TestPacketsOneBehindTheOther:
    def test_of_moldudp64_have_the_plain_files_events(self, path: Path, plain: EventBatch) -> None:
        path.write_bytes(heartbeat("S1", 1) * 2 + b"".join(mold_packets(ITCH_50)) + end_of_session("S1", 22))
        assert framing_of(path) == "moldudp64"
        reader = itch.read(path, date="2019-12-30")
        same_rows(EventBatch.concat(reader), plain)
        assert (reader.sessions, reader.stats.truncated_bytes) == (("S1",), 0)

    def test_of_soupbintcp_have_the_plain_files_events(self, path: Path, plain: EventBatch) -> None:
        path.write_bytes(soup(ITCH_50, first=101))
        assert framing_of(path) == "soupbintcp"
        reader = itch.read(path, date="2019-12-30")
        found = EventBatch.concat(reader)
        same_rows(found, plain, "sequence")
        assert (found.sequence - plain.sequence == 100).all()
        assert (reader.gaps, reader.sessions, reader.stats.gaps) == ((), ("S1",), 0)

    def test_of_several_connections_go_on_with_the_numbers_that_they_are_given(self, path: Path) -> None:
        path.write_bytes(soup(ITCH_50) + soup(b"".join(mold for mold in [ITCH_50])[-38:], first=500))
        found = EventBatch.concat(itch.read(path))
        assert found.sequence.tolist() == [*range(3, 22), 500]

    def test_of_a_client_that_logged_in_again_have_each_message_once(self, path: Path, plain: EventBatch) -> None:
        messages = framed(ITCH_50)
        parts = [(1, messages[:9]), (5, messages[4:12]), (1, messages)]
        path.write_bytes(b"".join(soup(unframed(part), first=first)[:-6] for first, part in parts))
        reader = itch.read(path, date="2019-12-30")
        same_rows(EventBatch.concat(reader), plain)
        assert (reader.stats.duplicates, reader.stats.gaps) == (5 + 12, 0)

    def test_of_a_client_that_has_missed_messages_tell_which(self, path: Path, plain: EventBatch) -> None:
        messages = framed(ITCH_50)
        path.write_bytes(soup(unframed(messages[:6])) + soup(unframed(messages[9:]), first=10))
        reader = itch.read(path)
        found = EventBatch.concat(reader)
        assert found.sequence.tolist() == [3, 4, 5, 6, *range(10, 22)]
        assert found.flags.tolist() == [F_LAST] * 4 + [F_LAST | F_MAYBE_BAD_BOOK] * 12
        assert [(gap.first, gap.last) for gap in reader.gaps] == [(7, 9)]

    @pytest.mark.parametrize("name", ["mold", "soup"])
    def test_of_two_days_begin_the_second_with_empty_books(self, path: Path, plain: EventBatch, name: str) -> None:
        """Nothing tells its date; a session can be read alone."""
        stream = ITCH_50 + message_bytes("S", event_code="C", timestamp=72_000 * UNIT)
        if name == "mold":
            whole = b"".join(mold_packets(stream) + mold_packets(stream, session="S2"))
        else:
            whole = soup(stream) + soup(stream, session="S2")
        path.write_bytes(whole)
        reader = itch.read(path, date="2019-12-30")
        found = EventBatch.concat(reader)
        count, symbols = len(plain), len(plain.instruments)
        same_rows(found[:count], plain)
        assert bytes(found.action[count:-count].tolist()) == b"R" * symbols
        same_rows(found[-count:], plain)
        assert (reader.sessions, reader.stats.days_begun_anew, reader.stats.live_orders) == (("S1", "S2"), 1, 19)
        for session in ("S1", "S2"):
            same_rows(EventBatch.concat(itch.read(path, session=session, date="2019-12-30")), plain)

    @pytest.mark.parametrize("name", ["mold", "soup"])
    def test_of_several_blocks(self, path: Path, name: str) -> None:
        add = ITCH_50[-38:]
        stream = ITCH_50 + add * 60_000
        path.write_bytes(b"".join(mold_packets(stream)) if name == "mold" else soup(stream))
        reader = itch.read(path)
        numbers = np.concatenate([batch.sequence for batch in reader])
        assert numbers.tolist() == list(range(3, 60_022))
        assert reader.stats.repeated_references == 60_000

    @pytest.mark.parametrize("name", ["mold", "soup"])
    def test_that_are_cut_are_read_up_to_there(self, path: Path, name: str) -> None:
        whole = b"".join(mold_packets(ITCH_50)) if name == "mold" else soup(ITCH_50)[:-6]
        path.write_bytes(whole[:-5])
        reader = itch.read(path)
        assert len(EventBatch.concat(reader)) == (16 if name == "mold" else 18)
        assert reader.stats.truncated_bytes > 0

    @pytest.mark.parametrize("name", ["mold", "soup"])
    def test_that_are_damaged_raise_after_what_is_whole(self, path: Path, name: str) -> None:
        whole = b"".join(mold_packets(ITCH_50)) if name == "mold" else soup(ITCH_50)[:-6]
        path.write_bytes(whole + b"\1" * 18 + bytes(40))
        reader, rows = itch.read(path), 0
        with pytest.raises(CaptureError, match="fetch the file again"):
            for batch in reader:
                rows += len(batch)
        assert rows == 19

    def test_packed_files_are_told_by_what_is_in_them(self, path: Path) -> None:
        path.write_bytes(gzip.compress(soup(ITCH_50)))
        assert framing_of(path) == "soupbintcp"
        path.write_bytes(ITCH_50)
        assert framing_of(path) == "lengths"
