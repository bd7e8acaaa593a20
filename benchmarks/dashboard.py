"""How soon a dashboard can be read: Fathom beside TensorBoard and Aim, on the same made-up runs.

All tools take turns, a fresh server and fresh visitors each time; medians, and ratios of them. A
page can be read when the line, histogram or row it is about is there: the time is the page's own,
from setting out to the frame in which Chromium shows it, even if a peer has still more to draw or
lays a notice over it; Fathom's loss is at first a still picture in the page itself, with its ends
in words, and a moment later one "to be zoomed into". "from nothing" begins where the server is
started; TensorBoard reads on while it serves, and is asked for its page as soon as there is
anything in it. Of Fathom also: every callback of a walk through all of its pages, and the bytes of
each look at a run that grows.

Peers are given less than Fathom has recorded: of each layer one norm and one histogram in place of
ten, 500 of these at the most, and Aim also fewer losses. With `--data` what is written is kept,
and used by the next run.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import dashboard_aim
import dashboard_tensorboard
from dashboard_browser import chromium, readable
from dashboard_data import CASES, QUICK, Case, write_growing, write_runs
from dashboard_tools import Tool, aim, fathom, process, served, tensorboard
from dashboard_walk import ticks, walk
from dashboard_words import compared, of_fathom

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard_walk import Answer, Walked
    from playwright.sync_api import Browser

PEERS = ("tensorboard", "aim")
GROWING = Path(__file__).with_name("dashboard_growing.py")
LIVE_PAGES = ("overview", "layers", "runs")
INSTALL = "Peers: pip install tensorboard; and Aim, in an environment of its own: pip install aim"


@dataclass
class Measured:
    """Of one case."""

    case: Case
    seconds: dict[str, dict[str, list[float]]]  # by what, then by tool
    written: dict[str, str] = field(default_factory=dict)  # by peer, in words
    walked: list[Walked] = field(default_factory=list)
    ticks: dict[str, list[list[Answer]]] = field(default_factory=dict)  # by page, look by look


def measure(asked: argparse.Namespace, case: Case, data: Path) -> Measured:
    """Everything of one case, in turns."""
    found = Measured(case, defaultdict(lambda: defaultdict(list)))
    tools = prepared(asked, case, data, found.written)
    with chromium() as browser:
        for repeat in range(asked.repeats):
            for tool in tools:
                say(f"({case.name}) {tool.name}, {repeat + 1} of {asked.repeats}")
                visit(browser, tool, data, found, asked.pictures)
        if "fathom" in asked.tools:
            say(f"({case.name}) a walk through all pages")
            with served(tools[0], data / "fathom") as server:
                server.wait(tools[0].read)
                found.walked = walk(browser, server.address, case)
            if case.runs == 1:
                found.ticks = live(browser, case, data / "growing")
    say("")
    return found


def prepared(
    asked: argparse.Namespace, case: Case, data: Path, written: dict[str, str]
) -> list[Tool]:
    """The tools, with the runs they are to show."""
    writers: dict[str, Callable[[Path], str | None]] = {
        "fathom": lambda folder: write_runs(folder, case),
        "tensorboard": lambda folder: dashboard_tensorboard.write_runs(folder, case),
        "aim": lambda folder: dashboard_aim.write_runs(folder, case, asked.aim),
    }
    makers: dict[str, Callable[[], Tool]] = {
        "fathom": fathom,
        "tensorboard": lambda: tensorboard(case),
        "aim": lambda: aim(data / "aim", asked.aim),
    }
    for name in asked.tools:
        say(f"({case.name}) writing for {name}")
        written[name] = once(data / name, writers[name])
    if "fathom" in asked.tools and case.runs == 1:
        once(data / "growing", lambda folder: write_growing(folder / "run", case))
    return [makers[name]() for name in asked.tools]


def once(folder: Path, write: Callable[[Path], str | None]) -> str:
    """What was written, in words; what is there from an earlier time is not written again."""
    told = folder.with_name(f"{folder.name}.json")
    if not told.exists():
        shutil.rmtree(folder, ignore_errors=True)  # half of it, from a run that was broken off
        began = time.perf_counter()
        about = {"held": write(folder) or "", "seconds": time.perf_counter() - began}
        told.write_text(json.dumps(about))
    known = json.loads(told.read_text())
    return f"{known['held']}, written in {known['seconds']:.0f} s".removeprefix(", ")


def visit(browser: Browser, tool: Tool, data: Path, found: Measured, pictures: Path | None) -> None:
    """A server from nothing, and then visitors to what it has read."""
    sights = ("loss", "interactive", "histograms") if found.case.runs == 1 else ("runs",)
    note = found.seconds
    with served(tool, data / tool.name) as server:
        begun = server.wait(tool.begun)
        cold = tool.sights[sights[0]]
        first = readable(browser, server.address + cold.path, cold.shape)
        note[f"{sights[0]}, from nothing"][tool.name].append(begun + first)
        note[f"{sights[0]}, first visitor"][tool.name].append(first)
        whole = begun if tool.read is tool.begun else server.wait(tool.read)
        note["all read"][tool.name].append(whole)
        for name in sights:
            sight = tool.sights[name]
            picture = pictures and pictures / f"{found.case.name}-{tool.name}-{name}.png"
            took = readable(browser, server.address + sight.path, sight.shape, picture)
            note[name][tool.name].append(took)


def live(browser: Browser, case: Case, folder: Path) -> dict[str, list[list[Answer]]]:
    """What is sent at each look at a run that grows while a page shows it, by page."""
    tool, sent = fathom(), {}
    growing = [sys.executable, str(GROWING), str(folder / "run"), str(case.layers)]
    with served(tool, folder) as server, process(growing):
        server.wait(tool.read)
        for page in LIVE_PAGES:
            say(f"({case.name}) a live run: {page}")
            sent[page] = ticks(browser, f"{server.address}/?page={page}")
    return sent


def say(text: str) -> None:
    """What is under way, in a line that the next one replaces."""
    print(f"\r{text:<60}\r", end="", file=sys.stderr, flush=True)


def as_json(found: Measured) -> dict[str, object]:
    return {
        "case": asdict(found.case),
        "written": found.written,
        "seconds": found.seconds,
        "medians": {
            what: {tool: statistics.median(took) for tool, took in each.items()}
            for what, each in found.seconds.items()
        },
        "walk": [asdict(step) for step in found.walked],
        "ticks": {
            page: [[asdict(answer) for answer in look] for look in looks]
            for page, looks in found.ticks.items()
        },
    }


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=INSTALL, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument(
        "--aim", type=Path, default=Path(sys.executable), help="the Python that has Aim"
    )
    parser.add_argument("--repeats", type=int, default=3, help="turns; medians are shown")
    parser.add_argument("--quick", action="store_true", help="small runs: does it work at all?")
    parser.add_argument("--data", type=Path, help="keep what is written here (else: nowhere)")
    parser.add_argument("--pictures", type=Path, help="a picture of every page measured, here")
    parser.add_argument("--json", type=Path, help="write every figure here too")
    asked = parser.parse_args()
    asked.aim = asked.aim.absolute()  # never resolved: it is a link that makes an environment
    asked.tools = ["fathom", *available(asked)]
    return asked


def available(asked: argparse.Namespace) -> list[str]:
    """The peers that are installed; the others are named."""
    there = {
        "tensorboard": lambda: importlib.util.find_spec("tensorboard") is not None,
        "aim": lambda: dashboard_aim.is_there(asked.aim),
    }
    found = [peer for peer in asked.peers if there[peer]()]
    for peer in set(asked.peers) - set(found):
        print(f"{peer}: not installed. {INSTALL}")
    return found


def main() -> None:
    asked = parsed()
    cases, figures = (QUICK if asked.quick else CASES), []
    if asked.pictures:
        asked.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        data = (asked.data or Path(scratch)) / ("quick" if asked.quick else "whole")
        for name in asked.cases:
            (data / name).mkdir(parents=True, exist_ok=True)
            found = measure(asked, cases[name], data / name)
            told = compared(cases[name], found.seconds, found.written, asked.repeats)
            print("\n".join([*told, *of_fathom(found.walked, found.ticks)]), flush=True)
            figures.append(as_json(found))
            if asked.json:
                asked.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
