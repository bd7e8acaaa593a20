"""Does a dataset hold what it claims? A file of some kilobytes may declare a hundred gigabytes."""

from __future__ import annotations

from typing import Any

GZIP, SHUFFLE, FLETCHER = 1, 2, 3  # as HDF5 numbers its filters
DENSEST = 1100  # times that gzip can make anything smaller: 1032, and a little for the rest
LARGEST_DATASET = 8 << 30  # bytes; a file that claims more is not one of ours
LARGEST_CHUNK = 64 << 20  # bytes unpacked at once
LEAST = 1 << 20  # bytes that any dataset may be read by, be it empty


def check_claims(dataset: Any, *, packed: bool = False) -> None:
    """Refuse a dataset that leads outside its file, or whose reading takes more than it holds.

    `packed`: it may be compressed; all others are as large as what the file has of them.
    """
    if dataset.external or dataset.is_virtual:
        raise ValueError("it points outside the file")
    if dataset.dtype.hasobject:
        raise ValueError("it holds texts of any length, or references")
    made = dataset.id.get_create_plist()
    filters = {made.get_filter(n)[0] for n in range(made.get_nfilters())}
    if not filters <= ({FLETCHER, GZIP, SHUFFLE} if packed else {FLETCHER}):
        raise ValueError("it is packed in a way that no recording is")
    whole = dataset.file.id.get_filesize()
    room = dataset.id.get_storage_size() * DENSEST if GZIP in filters else whole
    if dataset.nbytes > min(room, LARGEST_DATASET):
        raise ValueError(f"it claims {dataset.nbytes:,} bytes, and the file holds less")
    if _chunk_size(dataset) > (LARGEST_CHUNK if GZIP in filters else max(whole, LEAST)):
        raise ValueError(f"it is read {_chunk_size(dataset):,} bytes at once")


def _chunk_size(dataset: Any) -> int:
    size: int = dataset.dtype.itemsize if dataset.chunks else 0
    for extent in dataset.chunks or ():
        size *= extent
    return size
