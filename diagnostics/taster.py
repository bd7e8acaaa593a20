"""Opens HDF5 files before anybody else does: a process that may hang or die of them.

    python -m diagnostics.taster       a folder a line, as JSON; a line back if it lived

One damaged byte can send libhdf5 into a loop without end, in which it holds the whole interpreter.
Whoever serves many people lets this process look first, and waits for it only so long.
"""

from __future__ import annotations

import json
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py

from probes.recording_file import DAMAGES

ROOM = 8 << 30  # bytes of address space: what wants more dies of it here


def main() -> None:
    """Until its input ends."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    with suppress(ValueError, OSError):  # it has less already
        resource.setrlimit(resource.RLIMIT_AS, (ROOM, hard))
    for line in sys.stdin:
        taste(Path(json.loads(line)))
        print("lived", flush=True)


def taste(folder: Path) -> None:
    """All that HDF5 keeps beside the numbers, of every file; what is wrong is told elsewhere."""
    for path in sorted(folder.rglob("*.h5")):
        with suppress(*DAMAGES), h5py.File(path, "r") as file:
            _look("/", file)
            file.visititems(_look)


def _look(_: str, node: Any) -> None:
    for name in node.attrs:
        with suppress(*DAMAGES):
            node.attrs[name]
    if isinstance(node, h5py.Dataset):
        node.id.get_storage_size()  # goes through the whole index of its chunks


if __name__ == "__main__":
    main()
