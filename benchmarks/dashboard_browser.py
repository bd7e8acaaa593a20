"""A headless Chromium that says when a page has become readable: the same way for every tool."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

WIDTH, HEIGHT = 1280, 1000
PATIENCE = 30.0  # seconds that a page may take
LOOK = 20  # milliseconds between two looks at a page

# Asked from inside the page, so that neither the driver nor a page's own policy is in the way. The
# frame after the one in which the shapes were found is when they are on the screen.
WATCH = """(() => {
  const shapes = (selector, root) => [
    ...root.querySelectorAll(selector),
    ...[...root.querySelectorAll('*')].filter(each => each.shadowRoot)
      .flatMap(each => shapes(selector, each.shadowRoot))];
  const seen = shape => {
    const box = shape.getBoundingClientRect();
    return box.width > 40 && box.height > 8 && box.top < innerHeight && box.bottom > 0
      && (shape.tagName !== 'path' || (shape.getAttribute('d') || '').length > 60);
  };
  const look = () => {
    if (shapes(SELECTOR, document).some(seen))
      requestAnimationFrame(() => { window.readableAt = performance.now(); });
    else setTimeout(look, LOOK);
  };
  look();
})();"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own, or the one that playwright has."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def fresh_page(browser: Browser) -> Iterator[Page]:
    """A page of a new profile: nothing is cached."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    try:
        yield context.new_page()
    finally:
        context.close()


def readable(browser: Browser, address: str, shape: str, picture: Path | None = None) -> float:
    """Seconds from setting out to such a shape (a CSS selector) on the screen of a new visitor."""
    with fresh_page(browser) as page:
        page.add_init_script(WATCH.replace("SELECTOR", repr(shape)).replace("LOOK", str(LOOK)))
        page.goto(address, wait_until="commit")
        took = painted(page, PATIENCE)
        if picture:
            page.screenshot(path=picture)
        return took


def painted(page: Page, patience: float) -> float:
    """Seconds on the page's own clock; infinitely many where it never came."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found: Any = page.evaluate("window.readableAt || 0")
        if found:
            return float(found) / 1000
        page.wait_for_timeout(2 * LOOK)
    return float("inf")
