"""Values of a grid kept in small write-once files, so that a killed computation goes on."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from diagnostics.workers import in_workers

Floats: TypeAlias = NDArray[np.float64]
Nodes: TypeAlias = NDArray[np.int64]
Evaluate: TypeAlias = Callable[[Nodes], Floats]  # [node] -> [node, quantity]
Progress: TypeAlias = Callable[[int, int], None]  # nodes known, nodes asked for so far

TILE = 16  # points lost at most by a kill, for each worker
STALE = 3600  # seconds: no writer takes so long; whether one lives, another machine cannot see


@dataclass(frozen=True)
class Work:
    """Where tiles are kept, how many processes make them, and who is told."""

    folder: Path | None = None  # None: nothing is kept
    workers: int = 1  # processes of one thread each; 0: those of joblib's parallel_config
    progress: Progress | None = None


class Tiles:
    """A folder of tiles of one grid. The key says whose: another landscape's are never read."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder / hashlib.sha256(key.encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def _sweep(self) -> None:
        """What killed writers left half written goes; others may be writing theirs now."""
        for beside in self.folder.glob("tile-*.part"):
            with suppress(OSError):  # gone meanwhile, or not ours to remove
                if time.time() - beside.stat().st_mtime > STALE:
                    beside.unlink()

    def known(self) -> dict[int, Floats]:
        """All values there are; a file that cannot be read is removed and its tile made again."""
        found: dict[int, Floats] = {}
        for path in sorted(self.folder.glob("tile-*.npz")):
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as tile:
                    found |= dict(zip(tile["nodes"].tolist(), tile["values"], strict=True))
            except (OSError, ValueError, KeyError, EOFError, BadZipFile):
                path.unlink(missing_ok=True)
        return found

    def keep(self, nodes: Nodes, values: Floats) -> None:
        """Written beside and renamed: a tile is there whole or not at all."""
        path = self.folder / f"tile-{nodes[0]:08d}-{len(nodes)}.npz"
        beside = path.with_suffix(f".{os.getpid()}.part")
        with beside.open("wb") as file:
            np.savez(file, nodes=nodes, values=values)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)


class Asked:
    """The same function, but no node is evaluated twice, now or after a kill."""

    def __init__(self, evaluate: Evaluate, key: str, work: Work) -> None:
        self._evaluate, self._work = evaluate, work
        self._tiles = Tiles(work.folder, key) if work.folder else None
        self._known = self._tiles.known() if self._tiles else {}
        self._asked: set[int] = set()

    def __call__(self, nodes: Nodes) -> Floats:
        wanted = nodes.tolist()
        self._asked.update(wanted)
        missing = np.array([node for node in wanted if node not in self._known], np.int64)
        tiles = [missing[first : first + TILE] for first in range(0, len(missing), TILE)]
        self._tell()
        for tile, values in in_workers(self._evaluate, tiles, self._work.workers):
            if self._tiles:
                self._tiles.keep(tile, values)
            self._known |= dict(zip(tile.tolist(), values, strict=True))
            self._tell()
        return np.stack([self._known[node] for node in wanted])

    def mask(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Which nodes were asked."""
        mask = np.zeros(shape, bool)
        mask.flat[list(self._asked)] = True
        return mask

    def columns(self, shape: tuple[int, ...]) -> Floats:
        """Every quantity at the nodes asked, as [quantity, grid]; NaN at the others."""
        numbers = list(self._asked)
        rows = np.array([self._known[node] for node in numbers])
        table = np.full((int(np.prod(shape)), rows.shape[1]), np.nan)
        table[numbers] = rows
        return table.T.reshape(-1, *shape)

    def _tell(self) -> None:
        if not self._work.progress:
            return
        known = sum(node in self._known for node in self._asked)
        self._work.progress(known, len(self._asked))
