"""Where the framing of an ITCH file is kept and where it is lost; bytes that are not messages make no rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftlab.errors import CaptureError
from hftlab.events import EventBatch
from hftlab.venues import itch
from hftlab.venues.itch import blocks, message_bytes
from hftlab.venues.itch.framing import count_frames, find_break
from tests.venues.look_alikes import ITCH_50, ITCH_MESSAGES

UNKNOWN = b"\x00\x03zzz"
STRANGE = b"\x00\x03\x01\x02\x03"
STARTS = np.cumsum([0, *map(len, ITCH_MESSAGES)]).tolist()


def array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8).copy()


def read(path: Path) -> tuple[EventBatch | None, itch.Stats, str]:
    """The rows, the counts and the error, if there is one."""
    reader, found, said = itch.read(path), [], ""
    try:
        found.extend(reader)
    except CaptureError as error:
        said = str(error)
    return EventBatch.concat(found) if found else None, reader.stats, said


def orders(batch: EventBatch | None) -> list[tuple[int, int]]:
    return [] if batch is None else list(zip(batch.order_id.tolist(), batch.price.tolist(), strict=True))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.itch"


@pytest.fixture
def whole(path: Path) -> list[tuple[int, int]]:
    path.write_bytes(ITCH_50)
    return orders(read(path)[0])


class TestCounting:
    @pytest.mark.parametrize(
        ("data", "counted"),
        [
            (b"", (0, 0)),
            (ITCH_50, (len(ITCH_MESSAGES), 0)),
            (ITCH_50[:-1], (len(ITCH_MESSAGES) - 1, 0)),
            (UNKNOWN + bytes(100) + STRANGE, (0, 2)),
            (b"\x00\x0dS" + bytes(12) + b"\x00\x0bS" + bytes(10), (0, 2)),
            (b"A" * 20_000, (0, 1)),
        ],
    )
    def test_messages_and_other_frames(self, data: bytes, counted: tuple[int, int]) -> None:
        assert count_frames(array(data), len(data)) == counted


class TestBreaks:
    @pytest.mark.parametrize("odd", [UNKNOWN, STRANGE, UNKNOWN * 20, bytes(2), bytes(600), b"\x00\x0dS" + bytes(12)])
    def test_frames_that_lead_to_messages_belong_to_the_file(self, odd: bytes) -> None:
        data = ITCH_50 + odd + ITCH_50
        assert find_break(array(data), len(data), True) == (len(data), False)

    @pytest.mark.parametrize("rest", [b"", b"\x00", ITCH_MESSAGES[0][:7], bytes(600), UNKNOWN])
    def test_the_end_of_a_file_may_be_cut_or_padded(self, rest: bytes) -> None:
        data = ITCH_50 + rest
        assert find_break(array(data), len(data), True) == (len(data), False)

    @pytest.mark.parametrize("rest", [b"AA", b"\x01\x00", STRANGE, STRANGE * 20, b"A" * 500])
    def test_bytes_that_are_not_framed_lose_it_from_the_last_message_on(self, rest: bytes) -> None:
        data = ITCH_50 + rest
        assert find_break(array(data), len(data), True) == (STARTS[-2], True)

    def test_the_last_message_waits_for_the_next_block(self) -> None:
        assert find_break(array(ITCH_50), len(ITCH_50), False) == (STARTS[-2], False)
        padded = ITCH_50 + bytes(9000)
        assert find_break(array(padded), len(padded), False) == (len(padded), False)

    def test_a_strange_frame_waits_for_what_follows(self) -> None:
        data = ITCH_50 + STRANGE
        assert find_break(array(data), len(data), False) == (STARTS[-2], False)


class TestReading:
    def test_a_truncated_last_message_is_counted(self, path: Path, whole: list[tuple[int, int]]) -> None:
        path.write_bytes(ITCH_50[:-5])
        batch, stats, said = read(path)
        assert (orders(batch), said) == (whole[:-1], "")
        assert stats.truncated_bytes == len(ITCH_MESSAGES[-1]) - 5

    @pytest.mark.parametrize("tail", [bytes(2), bytes(3), bytes(512)], ids=len)
    def test_an_end_marker_and_zeros_are_no_damage(self, path: Path, whole: list[tuple[int, int]], tail: bytes) -> None:
        path.write_bytes(ITCH_50 + tail)
        batch, stats, said = read(path)
        assert (orders(batch), said) == (whole, "")
        assert (stats.empty, stats.malformed) == (len(tail) // 2, 0)

    def test_lengths_in_four_bytes_read_as_empty_frames_and_messages(
        self, path: Path, whole: list[tuple[int, int]]
    ) -> None:
        path.write_bytes(b"".join(b"\0\0" + one for one in ITCH_MESSAGES))
        assert orders(read(path)[0]) == whole

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.integers(0, len(ITCH_50) - 1), st.integers(0, 255))
    def test_a_stray_byte_invents_no_row(self, path: Path, whole: list[tuple[int, int]], at: int, byte: int) -> None:
        """Whatever it is and wherever: the rows are a beginning of the true ones, and the reader says if it is short.

        In the last message, nothing follows that would show it.
        """
        path.write_bytes(ITCH_50[:at] + bytes([byte]) + ITCH_50[at:])
        batch, stats, said = read(path)
        rows = orders(batch)
        if at <= STARTS[-2] and not stats.unknown_types:
            assert rows == whole[: len(rows)]
        if at <= STARTS[-2]:
            # Within a length it may make a longer frame of an unknown type of a message, which is left out and counted.
            assert rows == [row for row in whole if row in rows]
        assert rows == whole or said or stats.truncated_bytes or stats.unknown_types

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.integers(0, STARTS[-2] - 1))
    def test_a_missing_byte_invents_no_row(self, path: Path, whole: list[tuple[int, int]], at: int) -> None:
        path.write_bytes(ITCH_50[:at] + ITCH_50[at + 1 :])
        batch, stats, said = read(path)
        rows = orders(batch)
        assert rows == whole[: len(rows)]
        assert rows == whole or said or stats.truncated_bytes

    def test_the_error_says_where_and_every_row_before_it_is_kept(
        self, path: Path, whole: list[tuple[int, int]]
    ) -> None:
        path.write_bytes(ITCH_50 + b"\n" + ITCH_50)
        batch, _, said = read(path)
        assert orders(batch) == whole[:-1]
        assert f"day.itch: the bytes from {STARTS[-2]:,} on are not framed as messages" in said

    def test_the_place_is_counted_over_the_blocks(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(blocks, "_BLOCK", 1000)
        count = 200
        path.write_bytes(ITCH_50 * count + b"AA" + ITCH_50)
        batch, _, said = read(path)
        assert f"the bytes from {len(ITCH_50) * (count - 1) + STARTS[-2]:,} on" in said
        assert len(orders(batch)) == 19 * count - 1

    @pytest.mark.parametrize("size", [100, 1000, 4096])
    def test_blocks_of_any_size_give_the_same(
        self, path: Path, whole: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch, size: int
    ) -> None:
        path.write_bytes((ITCH_50 + UNKNOWN) * 20)
        monkeypatch.setattr(blocks, "_BLOCK", size)
        batch, stats, said = read(path)
        assert (orders(batch), said) == (whole * 20, "")
        assert stats.unknown_types == {"z": 20}

    def test_messages_of_a_foreign_file_are_refused_as_well(self, path: Path) -> None:
        path.write_bytes(b"A" * 20_000)
        with pytest.raises(CaptureError, match=r"\(it has none\); it looks like plain text"):
            list(itch.messages(path))

    def test_a_file_of_more_other_frames_than_messages_says_how_many(self, path: Path) -> None:
        path.write_bytes(ITCH_MESSAGES[0] + UNKNOWN * 3)
        with pytest.raises(CaptureError, match=r"\(3 of 4 frames are not\)"):
            list(itch.read(path))

    def test_control_bytes_in_a_symbol_stay_out_of_the_error(self, path: Path) -> None:
        path.write_bytes(message_bytes("R", stock_locate=1, stock="Z\x1b[2J"))
        with pytest.raises(CaptureError) as caught:
            list(itch.read(path, symbols=["Z"]))
        assert str(caught.value).isprintable()
