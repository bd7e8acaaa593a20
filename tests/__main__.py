"""`python -m tests`: installs what the suite needs and is missing, then runs it.

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


def main() -> int:
    install_packages()
    install_browser()
    return subprocess.run([sys.executable, "-m", "pytest", *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
