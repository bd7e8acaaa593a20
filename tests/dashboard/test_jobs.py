"""Real child processes: progress, errors, cancelling, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.jobs import Jobs, Look
from diagnostics.run import FathomError

SHORT = "import sys; print('3 of 10 points, 2 s left', file=sys.stderr); sys.exit(0)"
BROKEN = "import sys; sys.exit('fathom: no snapshot 7 (there are: 0)')"
LONG = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("1 of 10 points", file=sys.stderr, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LONG


def started(script: str) -> Jobs:
    jobs = Jobs([sys.executable, "-c"])
    jobs.start("digits", [script])
    return jobs


def settled(jobs: Jobs, holds: Callable[[Look], bool]) -> Look:
    deadline = time.monotonic() + 30
    while True:
        look = jobs.look()
        assert look
        if holds(look):
            return look
        assert time.monotonic() < deadline, look
        time.sleep(0.02)


def alive(process: int) -> bool:
    """A zombie nobody has waited for yet is not alive."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def gone(*processes: int) -> bool:
    deadline = time.monotonic() + 20
    while any(map(alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(alive, processes))


@pytest.fixture
def long() -> Iterator[Jobs]:
    jobs = started(LONG)
    yield jobs
    jobs.cancel()


def test_progress_and_a_good_end() -> None:
    look = settled(started(SHORT), lambda look: look.state != "running")
    assert (look.state, look.done, look.of) == ("done", 3, 10)
    assert look.told == "3 of 10 points, 2 s left"
    assert look.run == "digits"


def test_the_last_error_is_kept() -> None:
    look = settled(started(BROKEN), lambda look: look.state != "running")
    assert (look.state, look.told) == ("failed", "no snapshot 7 (there are: 0)")


def test_one_at_a_time_then_the_next(long: Jobs) -> None:
    with pytest.raises(FathomError, match=r"computed already, for digits"):
        long.start("other", [SHORT])
    long.cancel()
    long.start("other", [SHORT])
    assert settled(long, lambda look: look.state == "done").run == "other"


@pytest.mark.parametrize("script", [LONG, STUBBORN], ids=["willing", "stubborn"])
def test_cancelling_ends_the_whole_family(script: str) -> None:
    others = family()  # of tests before this one
    jobs = started(script)
    settled(jobs, lambda look: bool(look.of))
    pids = [pid for pid in family() if pid not in others]
    assert len(pids) == 2
    jobs.cancel()
    assert jobs.look().state == "cancelled"  # type: ignore[union-attr]
    assert gone(*pids)
    jobs.cancel()  # again: nothing happens


def family() -> list[int]:
    """The processes below this one."""

    def children(of: int) -> list[int]:
        found = Path(f"/proc/{of}/task/{of}/children").read_text().split()
        return [each for child in map(int, found) for each in (child, *children(child))]

    return children(os.getpid())


def test_before_the_first_there_is_nothing_to_see() -> None:
    jobs = Jobs()
    assert jobs.look() is None
    jobs.cancel()


def test_a_real_command_says_why_it_could_not(tmp_path: Path) -> None:
    jobs = Jobs()
    jobs.start("nothing", ["info", str(tmp_path / "nothing")])
    look = settled(jobs, lambda look: look.state != "running")
    assert look.state == "failed"
    assert "does not exist" in look.told


def test_killed_with_its_server_however_that_ends(tmp_path: Path) -> None:
    endless = tmp_path / "endless.py"
    endless.write_text(
        "import os, sys, threading, time\n"
        "from dashboard import cli, leash\n"
        "cli.main = lambda argv: (print(os.getpid(), flush=True, file=open(argv[0], 'w')),"
        " time.sleep(600))\n"
        "sys.exit(leash.main(sys.argv[1:]))\n"
    )
    told = tmp_path / "pid"
    server = (
        "import sys, time\nfrom dashboard.jobs import Jobs\n"
        f"Jobs([sys.executable, {str(endless)!r}]).start('run', [{str(told)!r}])\n"
        "time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", server])
    deadline = time.monotonic() + 30
    while not (told.exists() and told.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child = int(told.read_text())
    assert alive(child)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert gone(child)
