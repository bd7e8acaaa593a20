"""The dashboards compared: how each is started, when it has something to show, and where."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dashboard_aim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dashboard_data import Case

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 300.0  # seconds to wait for a server, or for it to have read its runs
READING = 0.1  # seconds between two questions whether it has


@dataclass(frozen=True)
class Sight:
    """A page, and the shape by which one sees that there is something to read."""

    path: str
    shape: str


@dataclass(frozen=True)
class Tool:
    """A dashboard over the runs of one case."""

    name: str
    command: Callable[[Path, int], list[str]]  # of the folder and the port
    sights: dict[str, Sight]
    begun: Callable[[str], bool]  # has it read enough to show anything?
    read: Callable[[str], bool]  # and all there is?


@dataclass(frozen=True)
class Served:
    """A server that has something to show."""

    address: str
    started: float

    def wait(self, asked: Callable[[str], bool]) -> float:
        """Seconds since it was started, once it is so far."""
        while time.perf_counter() < self.started + LONGEST:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                if asked(self.address):
                    return time.perf_counter() - self.started
            time.sleep(READING)
        return float("inf")


@contextmanager
def served(tool: Tool, folder: Path) -> Iterator[Served]:
    """Its server over the folder, with all the processes that it starts, until this is left."""
    port, started = free_port(), time.perf_counter()
    with process(tool.command(folder, port)):
        yield Served(f"http://127.0.0.1:{port}", started)


@contextmanager
def process(command: list[str]) -> Iterator[None]:
    """In a group of its own, so that its children end with it."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    started = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        end(started)


def end(started: subprocess.Popen[bytes]) -> None:
    """Kindly, and then without asking."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, how)  # none but those that it started are of its group
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(timeout=10)


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def fetched(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read()


def answers(address: str) -> bool:
    return bool(fetched(f"{address}/"))


def fathom() -> Tool:
    def command(folder: Path, port: int) -> list[str]:
        return [sys.executable, "-m", "dashboard.cli", "serve", str(folder), "--port", str(port)]

    sights = {
        "loss": Sight("/?page=overview", "#first-sight path, #loss_curve path.js-line"),
        "interactive": Sight("/?page=overview", "#loss_curve path.js-line"),
        "histograms": Sight("/?page=layers", "#layer_history path.js-fill"),
        "runs": Sight("/?page=runs", ".runs-table tbody tr"),
    }
    return Tool("fathom", command, sights, answers, answers)


def tensorboard(case: Case) -> Tool:
    """Its server reads on in the background: a page opened early shows part of a run, or none."""

    def command(folder: Path, port: int) -> list[str]:
        told = ["--logdir", str(folder), "--host", "127.0.0.1", "--port", str(port)]
        return [sys.executable, "-m", "tensorboard.main", *told]

    data, last = "/data/plugin/scalars", case.names[-1]

    def begun(address: str) -> bool:
        return "loss" in json.loads(fetched(f"{address}{data}/tags")).get(last, {})

    def read(address: str) -> bool:
        told = json.loads(fetched(f"{address}{data}/scalars?tag=loss&run={last}"))
        return int(told[-1][1]) == case.steps

    sights = {
        "loss": Sight("/#scalars", "path.line"),
        "interactive": Sight("/#scalars", "path.line"),
        "histograms": Sight("/#histograms", "path.outline"),
        "runs": Sight("/#timeseries", "tb-data-table-content-cell.table-column-run"),
    }
    return Tool("tensorboard", command, sights, begun, read)


def aim(folder: Path, python: Path) -> Tool:
    """Of a single run: its pages of metrics and of distributions."""

    def command(there: Path, port: int) -> list[str]:
        return [
            dashboard_aim.command(python),
            "up",
            "-y",
            "--repo",
            str(there),
            "--port",
            str(port),
        ]

    run = (folder / "runs.txt").read_text().split()[0]
    sights = {
        "loss": Sight(f"/runs/{run}/metrics", "path.Line"),
        "interactive": Sight(f"/runs/{run}/metrics", "path.Line"),
        "histograms": Sight(f"/runs/{run}/distributions", "path.highcharts-graph"),
        "runs": Sight("/runs", ".RunNameColumn__runName"),
    }
    return Tool("aim", command, sights, answers, answers)
