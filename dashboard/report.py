"""One self-contained HTML file about one or several runs: opens anywhere, needs no network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.run import Run


def report(runs: Run | Sequence[Run], path: str | os.PathLike[str]) -> Path:
    """Write the report and return where it is."""
    from dashboard.report_page import document, page, write_whole  # the figures need their time

    return write_whole(Path(path), document(page(runs)).encode())
