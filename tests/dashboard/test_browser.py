"""The browser is found, or its lack is told; what it starts never outlives it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from dashboard.browser import ended, find_browser, unboxed
from diagnostics.run import FathomError


def program(folder: Path, name: str, script: str = "exit 0") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any browser, but for those that a test puts there."""
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("dashboard.browser._chrome_of_plotly", lambda: None)
    monkeypatch.setattr("dashboard.browser.PLACES", ())
    return tmp_path / "bin"


def test_the_one_on_the_path(bare: Path) -> None:
    found = program(bare, "google-chrome")
    assert find_browser() == str(found)
    assert find_browser() != str(program(bare, "chromium"))[:-1]
    assert find_browser() == str(bare / "chromium")  # first in the list


def test_the_one_that_is_named_comes_first(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare, "chromium")
    own = program(tmp_path / "own", "my-browser")
    monkeypatch.setenv("BROWSER_PATH", str(own))
    assert find_browser() == str(own)
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "nowhere"))
    with pytest.raises(FathomError, match=r"BROWSER_PATH is '.*nowhere'"):
        find_browser()


def test_the_one_that_plotly_has_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.browser._chrome_of_plotly", lambda: "/opt/chrome")
    assert find_browser() == "/opt/chrome"


def test_none_says_what_to_do() -> None:
    with pytest.raises(FathomError, match=r"no Chromium, Chrome or Edge.*Install one.*\.html"):
        find_browser()


def test_what_it_complained_of_is_told() -> None:
    assert ended([sys.executable, "-c", "import sys; sys.stderr.write('oops')"], 30) == "oops"


def test_of_one_that_hangs_nothing_is_left(tmp_path: Path) -> None:
    started = tmp_path / "started"
    hangs = f"/bin/sleep 600 & echo $$ $! > '{started}'; wait"
    with pytest.raises(FathomError, match="had not ended after 2 seconds"):
        ended(["/bin/sh", "-c", hangs], 2)
    pids = [int(pid) for pid in started.read_text().split()]
    assert len(pids) == 2
    assert all(map(gone, pids))


def test_only_the_administrators_browser_leaves_its_sandbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert unboxed() == ("--no-sandbox",)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unboxed() == ()


def gone(pid: int) -> bool:
    """Ended, even if nobody has asked after it yet."""
    for _ in range(100):
        try:
            if "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]:
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False
