"""A report as PDF, printed by a browser that is installed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dashboard.browser import ended, find_browser, unboxed
from dashboard.report_page import document, page, write_whole

if TYPE_CHECKING:
    from diagnostics.run import Run

LONGEST = 180.0  # seconds
OPTIONS = (
    "--headless",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-dev-shm-usage",  # containers have little of it
    "--enable-unsafe-swiftshader",  # surfaces, where there is no graphics card
    "--window-size=1100,1400",
    "--virtual-time-budget=30000",  # what the page still waits for is waited for
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)


def pdf_report(runs: Run | Sequence[Run], path: str | os.PathLike[str]) -> Path:
    """Print the report and return where it is."""
    browser = find_browser()
    with TemporaryDirectory(prefix="fathom-", ignore_cleanup_errors=True) as folder:
        source = Path(folder, "report.html")
        source.write_text(document(page(runs), on_paper=True), encoding="utf-8")
        return write_whole(Path(path), _printed(browser, source))


def _printed(browser: str, source: Path) -> bytes:
    from diagnostics.run import FathomError

    target = source.with_suffix(".pdf")
    own = (f"--user-data-dir={source.with_name('profile')}", f"--print-to-pdf={target}")
    said = ended([browser, *OPTIONS, *unboxed(), *own, source.as_uri()], LONGEST)
    if not target.exists() or not target.stat().st_size:
        reason = said.strip()[-500:] or "it does not say why"
        raise FathomError(f"{browser} printed nothing: {reason}")
    return target.read_bytes()
