"""Datasets that lead elsewhere or claim too much are refused; those of our own making are not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from probes.claims import check_claims

Make = Callable[[h5py.File, Path], Any]


def virtual(file: h5py.File, folder: Path) -> None:
    with h5py.File(folder / "other.h5", "w") as other:
        other["x"] = np.arange(8)
    layout = h5py.VirtualLayout((8,), "i8")
    layout[:] = h5py.VirtualSource(folder / "other.h5", "x", (8,))
    file.create_virtual_dataset("x", layout)


def raw(file: h5py.File, folder: Path) -> None:
    (folder / "secret").write_bytes(b"SECRET!!")
    file.create_dataset("x", (8,), "S1", external=[(str(folder / "secret"), 0, 8)])


def huge(file: h5py.File, **options: Any) -> None:
    file.create_dataset("x", (160 << 30,), "u1", chunks=(1 << 16,), **options)[:10] = 1


REFUSED: dict[str, tuple[Make, str]] = {
    "virtual": (virtual, "points outside the file"),
    "raw storage": (raw, "points outside the file"),
    "declared only": (lambda file, _: huge(file), "171,798,691,840 bytes, and the file holds less"),
    "declared, to be packed": (lambda file, _: huge(file, compression="gzip"), "holds less"),
    "never written": (lambda file, _: file.create_dataset("x", (1 << 24,), "f4"), "holds less"),
    "a bomb": (
        lambda file, _: file.create_dataset(
            "x", data=np.zeros(1 << 27, "u1"), chunks=(1 << 27,), compression="gzip"
        ),
        "it is read 134,217,728 bytes at once",
    ),
    "a chunk larger than all": (
        lambda file, _: file.create_dataset("x", (1,), "u1", maxshape=(None,), chunks=(1 << 30,)),
        "it is read 1,073,741,824 bytes at once",
    ),
    "texts": (
        lambda file, _: file.create_dataset("x", data=["a"], dtype=h5py.string_dtype()),
        "texts of any length",
    ),
    "another filter": (
        lambda file, _: file.create_dataset("x", data=np.zeros(99), chunks=(99,), scaleoffset=2),
        "packed in a way that no recording is",
    ),
}


def made(folder: Path, make: Make) -> h5py.File:
    with h5py.File(folder / "x.h5", "w", libver=("v110", "v110")) as file:
        make(file, folder)
    return h5py.File(folder / "x.h5")


@pytest.mark.parametrize("kind", REFUSED)
def test_what_claims_more_than_it_holds_is_refused(kind: str, tmp_path: Path) -> None:
    make, told = REFUSED[kind]
    with made(tmp_path, make) as file, pytest.raises(ValueError, match=told):
        check_claims(file["x"], packed=True)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": (100,), "fletcher32": True},
        {"chunks": (1000,), "compression": "gzip", "shuffle": True, "fletcher32": True},
    ],
)
def test_what_is_there_may_be_read(options: dict[str, Any], tmp_path: Path) -> None:
    numbers = np.zeros(1000)

    def make(file: h5py.File, _: Path) -> None:
        file.create_dataset("x", data=numbers, **options)

    with made(tmp_path, make) as file:
        check_claims(file["x"], packed=True)
        if "compression" in options:
            with pytest.raises(ValueError, match="packed in a way"):
                check_claims(file["x"])
        else:
            check_claims(file["x"])


def test_the_densest_that_gzip_gives_is_believed(tmp_path: Path) -> None:
    def make(file: h5py.File, _: Path) -> None:
        whole = np.zeros((64, 1 << 20), "u1")
        file.create_dataset("x", data=whole, chunks=(1, 1 << 20), compression="gzip")

    with made(tmp_path, make) as file:
        assert file["x"].nbytes > 900 * file["x"].id.get_storage_size()
        check_claims(file["x"], packed=True)


def test_nothing_as_small_as_it_can_be_is_fine(tmp_path: Path) -> None:
    def make(file: h5py.File, _: Path) -> None:
        file["x"] = np.zeros((0, 13, 5))
        file["y"] = np.float64(1)

    with made(tmp_path, make) as file:
        check_claims(file["x"])
        check_claims(file["y"])


def test_it_is_cheap(tmp_path: Path) -> None:
    def make(file: h5py.File, _: Path) -> None:
        shape = (64, 64, 4096)
        file.create_dataset("x", data=np.zeros(shape, "u2"), chunks=(1, 64, 256), compression=1)

    with made(tmp_path, make) as file:
        begun = time.process_time()
        for _ in range(20):
            check_claims(file["x"], packed=True)
        assert (time.process_time() - begun) / 20 < 0.02  # a thousand chunks: half a millisecond
