"""A browser that prints what nobody sees: which one there is, and how it is run and ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
    "brave-browser",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
NO_BROWSER = (
    "no browser to draw with: there is no Chromium, Chrome or Edge on the PATH. Install one, say "
    "where it is in BROWSER_PATH, or write the report as .html: any browser prints it"
)


def find_browser() -> str:
    """The one that BROWSER_PATH names, or the first that is found."""
    from diagnostics.run import FathomError

    asked = os.environ.get("BROWSER_PATH")
    if asked and not shutil.which(asked):
        raise FathomError(f"BROWSER_PATH is {asked!r}, and no program is there")
    found = [asked] if asked else [*map(shutil.which, (*NAMES, *PLACES)), _chrome_of_plotly()]
    browser = next(filter(None, found), None)
    if browser is None:
        raise FathomError(NO_BROWSER)
    return browser


def ended(command: Sequence[str], longest: float) -> str:
    """What the program complained of until its end; of one that does not end nothing is left."""
    from diagnostics.run import FathomError

    program = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        return program.communicate(timeout=longest)[1].decode(errors="replace")
    except subprocess.TimeoutExpired:
        raise FathomError(f"{command[0]} had not ended after {longest:g} seconds") from None
    finally:
        _end_all(program)


def unboxed() -> tuple[str, ...]:
    """The administrator's browser starts in no sandbox; a container often has no other user."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return ("--no-sandbox",) if is_root else ()


def _chrome_of_plotly() -> str | None:
    """The one that the command `plotly_get_chrome` has installed."""
    try:
        from choreographer.browsers.chromium import Chromium
    except ImportError:
        return None
    found = Chromium.find_browser(skip_local=False)
    return str(found) if found else None


def _end_all(program: subprocess.Popen[bytes]) -> None:
    """The program, and all that it has started."""
    if sys.platform == "win32":
        program.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
    program.communicate()
