from __future__ import annotations

import os
import resource

import h5py
import numpy as np
import pytest

from probes.reserved import Reserved


def test_a_file_written_through_it_reads_as_usual_and_keeps_no_spare_room(tmp_path):
    path, values = tmp_path / "a.h5", np.arange(10_000)
    with path.open("w+b", buffering=0) as raw:
        disk = Reserved(raw, 1 << 20)
        assert path.stat().st_size == 1 << 20
        with h5py.File(disk, "w") as file:
            file["values"] = values
        disk.finish()
    assert values.nbytes < path.stat().st_size < 1.2 * values.nbytes
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["values"][()], values)


def test_a_disk_without_room_is_an_error_before_anything_is_written(tmp_path):
    with (tmp_path / "a.h5").open("w+b", buffering=0) as raw:
        with pytest.raises(OSError, match=r"No space left|File too large"):
            Reserved(raw, 1 << 60)
        assert raw.tell() == 0


def test_a_write_that_fails_is_told_at_the_end_and_not_to_the_library(tmp_path):
    path = tmp_path / "a.h5"
    with path.open("w+b", buffering=0) as raw:
        disk = Reserved(raw, 100)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        try:
            assert disk.write(bytes(200)) == 200
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        with pytest.raises(OSError, match="File too large"):
            disk.finish()


def test_seeking_from_the_end_knows_where_the_data_ends(tmp_path):
    with (tmp_path / "a").open("w+b", buffering=0) as raw:
        disk = Reserved(raw, 1000)
        disk.write(b"0123456789")
        assert disk.seek(-3, os.SEEK_END) == 7
        buffer = bytearray(3)
        assert disk.readinto(buffer) == 3
        assert buffer == b"789"
        disk.truncate(5)
        disk.finish()
    assert (tmp_path / "a").read_bytes() == b"01234"
