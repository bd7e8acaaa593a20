"""A command on a leash: it runs as ever, and ends when the leash is let go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def on_leash(*argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dashboard.leash", *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )


def test_a_command_runs_and_gives_its_exit_code(runs: Path) -> None:
    with on_leash("doctor", str(runs / "sick")) as process:
        assert process.stdout
        assert "Vanishing gradient" in process.stdout.read()
        assert process.wait(30) == 1


def test_it_ends_when_let_go(tmp_path: Path) -> None:
    with on_leash("serve", str(tmp_path), "--port", "0") as process:
        assert process.stdout
        assert process.stdin
        assert "Fathom shows" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(20) < 0
