from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from hftlab.errors import CaptureError
from hftlab.venues.hftbacktest.array_file import load_events
from tests.venues.hftbacktest.arrays import Event, make_array, write_array

EVENTS = [Event(1, 2.0, 3.0), Event(2, 4.0, 5.0)]


def test_npz_npy_and_gzip_hold_the_same(tmp_path: Path) -> None:
    wanted = make_array(*EVENTS).tolist()
    plain = write_array(tmp_path / "a.npy", *EVENTS)
    packed = tmp_path / "a.npy.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    np.savez(tmp_path / "one.npz", events=make_array(*EVENTS))
    for path in (plain, packed, tmp_path / "one.npz", write_array(tmp_path / "a.npz", *EVENTS)):
        assert load_events(path).tolist() == wanted


def test_the_array_is_called_data_where_there_are_several(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", meta=np.arange(3), data=make_array(*EVENTS))
    assert len(load_events(tmp_path / "a.npz")) == 2
    np.savez(tmp_path / "a.npz", meta=np.arange(3), other=make_array(*EVENTS))
    with pytest.raises(CaptureError, match=r"its arrays are called \['meta', 'other'\], not 'data'"):
        load_events(tmp_path / "a.npz")


def test_arrays_of_version_1_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", data=np.zeros((5, 6)))
    with pytest.raises(CaptureError, match=r"an array of float64, .*migration2"):
        load_events(tmp_path / "a.npz")


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_file_that_is_cut(tmp_path: Path, ending: str) -> None:
    path = write_array(tmp_path / f"a.{ending}", *EVENTS)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CaptureError, match="is not a whole NumPy array"):
        load_events(path)


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", data=np.array([{}], object))
    with pytest.raises(CaptureError, match="is not a whole NumPy array"):
        load_events(tmp_path / "a.npz")
