"""`python -m tests`: installs what the suite needs and is missing, then runs it on every core.

A browser is part of it: the pages are tested in a real one. The system's own is taken, else
Debian's package where apt is at hand, else the one that Playwright fetches.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST = 4  # processes: each holds torch, and may drive a browser
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def install_packages() -> None:
    command = ["-m", "pip", "install", "-q", "--disable-pip-version-check"]
    wanted = ["--constraint", "constraints.txt", "--editable", ".[test]"]
    subprocess.run([sys.executable, *command, *wanted], check=True, cwd=ROOT)


def install_browser() -> None:
    if any(map(shutil.which, BROWSERS)):
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=True, env=quiet)
    else:
        fetch = ["-m", "playwright", "install", "--with-deps", "chromium"]
        subprocess.run([sys.executable, *fetch], check=True)


def side_by_side() -> list[str]:
    """A file's tests stay together, since they share what is slow to make."""
    cores = min(os.cpu_count() or 1, MOST)
    return ["--numprocesses", str(cores), "--dist", "loadfile"] if cores > 1 else []


def main() -> int:
    install_packages()
    install_browser()
    command = [sys.executable, "-m", "pytest", *side_by_side(), *sys.argv[1:]]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
