"""Every test starts and ends clean: no hook, no open recording, no process, no thread left."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # small models: threads would only wait for each other


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the minutes-long tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--soak"):
        return
    skip = pytest.mark.skip(reason="minutes long; run with --soak")
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    assert leftovers() == []
    yield
    deadline = time.monotonic() + 30
    while leftovers() and time.monotonic() < deadline:  # a scribe that closes, a run still read
        gc.collect()  # it takes long where much is loaded: others need their turn
        time.sleep(0.25)
    assert leftovers() == []


def leftovers() -> list[str]:
    """What a test must not leave behind, in words."""
    return [*_hooks(), *_open_recordings(), *_scribes(), *_threads()]


def _hooks() -> list[str]:
    module = sys.modules.get("torch.nn.modules.module")
    if module is None:
        return []
    names = ("_global_forward_pre_hooks", "_global_forward_hooks")
    return [f"{len(getattr(module, name))} in {name}" for name in names if getattr(module, name)]


def _open_recordings() -> list[str]:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        return []
    links = []
    for link in folder.iterdir():
        try:
            links.append(str(link.readlink()))
        except OSError:
            continue
    return [f"open file {link}" for link in links if link.endswith((".h5", ".part"))]


def _scribes() -> list[str]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            words = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and b"probes.scribe" in words:
            found.append(f"scribe {stat.parent.name}")
    return found


def _threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("fathom")]
