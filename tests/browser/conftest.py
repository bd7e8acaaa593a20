"""A real Chromium that fails the test at any console error and any request that leaves the page."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from dashboard.app import build
from dashboard.base_path import UnderBasePath
from dashboard.guard import LOOPBACK
from dashboard.server import listen
from tests.dashboard.samples import train

Open = Callable[..., Page]
Serve = Callable[..., str]


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs `sick` and `healthy`; `healthy` is the later one."""
    root = tmp_path_factory.mktemp("runs")
    train(root / "group" / "sick", "Sigmoid")
    train(root / "healthy", "ReLU")
    return root


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one the test is skipped."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve a folder of runs until the test ends."""
    with ExitStack() as servers:
        yield lambda root, **door: servers.enter_context(serving(root, **door))


@pytest.fixture(scope="session")
def address(runs: Path) -> Iterator[str]:
    """The app over `runs`."""
    with serving(runs) as address:
        yield address


@contextmanager
def serving(root: Path, **door: str) -> Iterator[str]:
    """`door`: its `base_path` and its `token`, where it has any."""
    app = build(root, None if door.get("token") else LOOPBACK, **door).server
    server = listen(UnderBasePath(app, door.get("base_path", "/")), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visit(browser: Browser, serve: Serve) -> Iterator[Open]:
    """Open an address in a fresh browser profile; at the end nothing may have gone wrong.

    It asks for `serve` so that pages are closed before their servers are.
    """
    troubles: list[str] = []
    contexts = []

    def open_page(address: str, scheme: str = "light") -> Page:
        own = address.partition("/?")[0].rstrip("/")
        context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 1000})
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda said: troubles.append(said.text) if said.type == "error" else None
        )
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((own, "data:", "blob:"))
                else troubles.append(f"request to {asked.url}")
            ),
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []
