import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from diagnostics.tiles import STALE, TILE, Asked, Tiles, Work

WORKER = """
import sys, time
from pathlib import Path
import numpy as np
from diagnostics.directions import random_direction
from diagnostics.loss_landscape import loss_landscape
from diagnostics.slices import Grid
from diagnostics.tiles import Work
from tests.diagnostics.bowl import Bowl, rotated

class Slow(Bowl):
    def losses_at(self, points):
        found = []
        for w in points:
            time.sleep(0.004)
            found.append(self.loss(w))
        with open({log!r}, "a") as log:
            log.write(f"{{len(found)}}\\n")
        return np.array(found)

bowl = Slow(rotated(np.arange(1.0, 9)), centre=np.ones(8))
plane = [random_direction(bowl, seed) for seed in (0, 1)]
grid = Grid(resolution=15, tolerance={tolerance})
surface = loss_landscape(bowl, plane, grid, work=Work(Path({folder!r})))
np.save({out!r}, surface.loss)
"""


def doubled(log):
    def evaluate(nodes):
        log.extend(nodes.tolist())
        return np.column_stack([nodes * 2.0, nodes * 0.5])

    return evaluate


def test_nothing_is_evaluated_twice(tmp_path):
    asked = []
    ask = Asked(doubled(asked), "a", Work(tmp_path))
    first = ask(np.arange(40))
    ask(np.arange(30))
    again = Asked(doubled(asked), "a", Work(tmp_path))(np.arange(20, 50))
    assert asked == list(range(50))
    assert first[:, 0].tolist() == [2.0 * n for n in range(40)]
    assert again[:, 1].tolist() == [0.5 * n for n in range(20, 50)]


def test_another_landscape_is_never_read(tmp_path):
    asked = []
    Asked(doubled(asked), "a", Work(tmp_path))(np.arange(5))
    Asked(doubled(asked), "b", Work(tmp_path))(np.arange(5))
    assert asked == [0, 1, 2, 3, 4] * 2


def test_a_failure_loses_one_tile(tmp_path):
    asked = []

    def fails(nodes):
        if nodes[0] >= 2 * TILE:
            raise RuntimeError("out of memory")
        return doubled(asked)(nodes)

    with pytest.raises(RuntimeError, match="out of memory"):
        Asked(fails, "a", Work(tmp_path))(np.arange(100))
    Asked(doubled(asked), "a", Work(tmp_path))(np.arange(100))
    assert asked == list(range(100))


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_tile_is_made_again(tmp_path, damage):
    Asked(doubled([]), "a", Work(tmp_path))(np.arange(40))
    victim = sorted(Tiles(tmp_path, "a").folder.iterdir())[1]
    victim.write_bytes(victim.read_bytes()[:60] if damage is None else damage)
    asked = []
    found = Asked(doubled(asked), "a", Work(tmp_path))(np.arange(40))
    assert asked == list(range(TILE, 2 * TILE))
    assert found[:, 0].tolist() == [2.0 * n for n in range(40)]


def test_holes_come_back_bit_for_bit(tmp_path):
    values = np.array([[np.nan], [np.inf], [-0.0], [0.1 + 0.2]])
    Tiles(tmp_path, "a").keep(np.arange(4), values)
    found = Tiles(tmp_path, "a").known()
    assert np.stack([found[n] for n in range(4)]).tobytes() == values.tobytes()


def test_what_was_asked_is_told_and_what_was_not_is_a_gap(tmp_path):
    told = []
    asked = Asked(doubled([]), "a", Work(tmp_path, progress=lambda *now: told.append(now)))
    asked(np.array([1, 5]))
    asked(np.array([1, 2]))
    assert told == [(0, 2), (2, 2), (2, 3), (3, 3)]
    assert asked.mask((2, 3)).tolist() == [[False, True, True], [False, False, True]]
    columns = asked.columns((2, 3))
    assert columns.shape == (2, 2, 3)
    assert columns[0, 1, 2] == 10
    assert np.isnan(columns[:, 0, 0]).all()
    again = Asked(doubled([]), "a", Work(tmp_path))
    again(np.array([5]))
    assert again.mask((2, 3)).sum() == 1  # of what others asked it shows nothing


WRITER = """
import os, sys, time
import numpy as np
from pathlib import Path
from diagnostics.tiles import Tiles
tiles, fsync = Tiles(Path({folder!r}), "a"), os.fsync

def slow(number):
    print("beside", flush=True)
    sys.stdin.readline()
    fsync(number)

os.fsync = slow
tiles.keep(np.arange(3), np.ones((3, 1)))
"""


def writing(folder):
    """A process that has a tile half written, and goes on when it is told to."""
    code = WRITER.format(folder=str(folder))
    root, pipe = Path(__file__).parents[2], subprocess.PIPE
    writer = subprocess.Popen([sys.executable, "-c", code], cwd=root, stdin=pipe, stdout=pipe)
    assert writer.stdout.readline() == b"beside\n"
    return writer


def test_what_a_killed_writer_left_goes_and_what_a_living_one_writes_stays(tmp_path):
    killed, living = writing(tmp_path), writing(tmp_path)
    killed.kill()
    killed.communicate()
    beside = {p.suffixes[0]: p for p in Tiles(tmp_path, "a").folder.glob("*.part")}
    assert beside.keys() == {f".{killed.pid}", f".{living.pid}"}
    long_ago = time.time() - STALE - 1
    os.utime(beside[f".{killed.pid}"], (long_ago, long_ago))
    tiles = Tiles(tmp_path, "a")
    assert [*tiles.folder.iterdir()] == [beside[f".{living.pid}"]]
    living.communicate(b"\n")
    assert living.returncode == 0
    assert [*tiles.known()] == [0, 1, 2]


def test_a_whole_tile_is_never_stale(tmp_path):
    Tiles(tmp_path, "a").keep(np.arange(3), np.ones((3, 1)))
    (tile,) = Tiles(tmp_path, "a").folder.iterdir()
    os.utime(tile, (0, 0))
    assert [*Tiles(tmp_path, "a").known()] == [0, 1, 2]


@pytest.mark.parametrize("tolerance", [0.0, 0.01])
def test_killed_again_and_again_the_surface_is_the_same(tmp_path, tolerance):
    """A real process, killed at random moments until it gets through."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[2]

    def start(name):
        code = WORKER.format(
            log=str(tmp_path / f"{name}.log"),
            folder=str(tmp_path / name),
            out=str(tmp_path / f"{name}.npy"),
            tolerance=tolerance,
        )
        return subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=root)

    log = tmp_path / "killed.log"

    def asked():
        return log.read_text().count("\n") if log.exists() else 0

    assert start("whole").wait(60) == 0
    random, kills = np.random.default_rng(0), 3
    for _ in range(kills):
        worker, wanted = start("killed"), asked() + int(random.integers(1, 4))
        while asked() < wanted and worker.poll() is None:
            time.sleep(0.002)
        time.sleep(0.06 * random.random())
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(60) == -signal.SIGKILL
    assert start("killed").wait(60) == 0
    same = np.load(tmp_path / "killed.npy").tobytes() == np.load(tmp_path / "whole.npy").tobytes()
    assert same

    def points(name):
        return sum(map(int, (tmp_path / f"{name}.log").read_text().split()))

    # at most the tile in hand at each kill, and looks at the centre
    assert points("killed") <= points("whole") + kills * (TILE + 10)
