"""Many viewers watch one live training: what it costs the server, at the start and at the end.

    python benchmarks/viewers.py --viewers 20 --minutes 5

A training and `fathom serve` run as processes of their own. The viewers are plain HTTP clients
that do over the wire what a page does: at each tick they ask what is new, and whatever hangs on
the answers, pictures included, is asked for with what they have of it. Twenty real browsers would
measure the browsers: drawing costs each of them more than answering costs the server. What is
left out is drawing and what only a pointer does; and a viewer asks for one thing after the other
where a browser asks for six at once, so that a tick here takes rather longer than there.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from viewer import Viewer

TICK = 2.0  # seconds, as in the page
HERE = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
PAGES = ("overview", "layers")


@dataclass
class Tick:
    """One look of one viewer."""

    at: float  # seconds since the benchmark began
    seconds: float
    slowest: float  # of its requests
    requests: int
    bytes: int
    had_news: bool


def watch(viewer: Viewer, until: float, began: float, ticks: list[Tick]) -> None:
    """Open the page, and look at each tick until the end."""
    time.sleep(random.random() * TICK)
    viewer.open()
    number = 0
    while time.monotonic() < until:
        number += 1
        viewer.waits, viewer.sizes = [], []
        start = time.monotonic()
        news = viewer.tick(number)
        took = time.monotonic() - start
        slowest, asked = max(viewer.waits), len(viewer.waits)
        ticks.append(Tick(start - began, took, slowest, asked, sum(viewer.sizes), news))
        time.sleep(max(0.0, TICK - took))
    viewer.close()


@contextmanager
def training(folder: Path) -> Iterator[None]:
    """A small network that learns until it is told to end."""
    process = subprocess.Popen([sys.executable, __file__, "--train", str(folder)], env=HERE)
    try:
        while not [*folder.glob("segments/*.h5")]:
            assert process.poll() is None, "the training has ended"
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


def train(folder: Path, layers: int = 20) -> None:
    """A real recording at some forty steps a second: the machine is the server's and viewers'."""
    import torch

    from probes import Recorder

    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = torch.nn.Sequential()
    for _ in range(layers - 1):
        model.extend([torch.nn.Linear(32, 32), torch.nn.ReLU()])
    model.append(torch.nn.Linear(32, 4))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with Recorder(model, optimizer, folder) as recorder:
        while True:
            inputs = torch.randn(32, 32)
            loss = torch.nn.functional.cross_entropy(model(inputs), inputs[:, :4].argmax(1))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.log(loss=loss)
            time.sleep(0.02)


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """`fathom serve`, its address and its process."""
    command = [sys.executable, "-m", "dashboard.cli", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=HERE) as process:
        assert process.stdout
        told = re.search(r"http://\S+", process.stdout.readline())
        assert told
        try:
            yield told[0].rstrip("/"), psutil.Process(process.pid)
        finally:
            process.terminate()


@dataclass
class Cost:
    """The server at one moment."""

    at: float
    memory: int  # bytes, resident
    busy: float  # seconds of processor so far
    threads: int


def meter(server: psutil.Process, until: float, began: float, costs: list[Cost]) -> None:
    while time.monotonic() < until:
        times = server.cpu_times()
        memory, threads = server.memory_info().rss, server.num_threads()
        costs.append(Cost(time.monotonic() - began, memory, times.user + times.system, threads))
        time.sleep(1.0)


def measure(viewers: int, minutes: float) -> tuple[list[Tick], list[Cost]]:
    """All viewers at once, on the pages in turn."""
    ticks: list[Tick] = []
    costs: list[Cost] = []
    with TemporaryDirectory(ignore_cleanup_errors=True) as made:
        folder = Path(made) / "runs" / "live"
        folder.parent.mkdir()
        with training(folder), served(folder.parent) as (address, server):
            began = time.monotonic()
            until = began + 60 * minutes
            people = [Viewer(address, PAGES[n % len(PAGES)]) for n in range(viewers)]
            work = [threading.Thread(target=watch, args=(p, until, began, ticks)) for p in people]
            work.append(threading.Thread(target=meter, args=(server, until, began, costs)))
            for each in work:
                each.start()
            for each in work:
                each.join()
    return ticks, costs


def rows(ticks: list[Tick], costs: list[Cost], spans: dict[str, tuple[float, float]]) -> str:
    """A table: a line for each span of time."""
    head = "| when | server's memory | its processor | threads | ticks | with news | "
    head += "tick, median / 95 % / worst | a request at worst | bytes a tick with news | without |"
    lines = [head, "|" + " --- |" * 10]
    for name, (start, end) in spans.items():
        seen = [tick for tick in ticks if start <= tick.at < end]
        spent = [cost for cost in costs if start <= cost.at < end]
        lines.append(f"| {name} | {_server(spent)} | {_seen(seen)} |")
    return "\n".join(lines)


def _server(costs: list[Cost]) -> str:
    first, last = costs[0], costs[-1]
    busy = (last.busy - first.busy) / max(1e-9, last.at - first.at)
    most = max(cost.memory for cost in costs) / 2**20
    return f"{most:.0f} MiB | {busy:.0%} | {max(cost.threads for cost in costs)}"


def _seen(ticks: list[Tick]) -> str:
    took = np.array([tick.seconds for tick in ticks]) * 1000
    news = [tick.bytes for tick in ticks if tick.had_news] or [0]
    none = [tick.bytes for tick in ticks if not tick.had_news] or [0]
    shares = f"{np.median(took):.0f} / {np.quantile(took, 0.95):.0f} / {took.max():.0f} ms"
    slowest = max(tick.slowest for tick in ticks) * 1000
    told = f"{len(ticks)} | {np.mean([tick.had_news for tick in ticks]):.0%} | {shares}"
    return f"{told} | {slowest:.0f} ms | {np.median(news):,.0f} | {np.median(none):,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.train:
        train(asked.train)
        return
    whole = 60 * asked.minutes
    part = min(60.0, whole / 3)
    ticks, costs = measure(asked.viewers, asked.minutes)
    start, end = (0.2 * part, 1.2 * part), (whole - part, whole)  # all have opened their page
    print(f"{asked.viewers} viewers, {asked.minutes:g} minutes, a look every {TICK:g} s")
    print(rows(ticks, costs, {"at the start": start, "at the end": end, "in all": (0, whole)}))


if __name__ == "__main__":
    main()
