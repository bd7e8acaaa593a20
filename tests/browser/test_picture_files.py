"""Pictures as kaleido really draws them, where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from dashboard.picture_files import WIDTH, write_pictures
from dashboard.report_page import Page
from diagnostics.run import Run

pytestmark = pytest.mark.browser

FIGURES: dict[str, Any] = {
    "run-1-line": {"data": [{"y": [1, 3, 2]}], "layout": {"height": 300}},
    "run-1-map log": {
        "data": [{"type": "contour", "z": [[1, 2], [3, 5]]}],
        "layout": {"height": 420},
    },
}


def test_they_are_pictures_of_their_size(
    browser: Browser, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("kaleido")
    monkeypatch.setattr("dashboard.picture_files.page", lambda _: Page("x", "", FIGURES))
    written = write_pictures([Run(runs / "healthy")], tmp_path, "png")
    assert [path.name for path in written] == ["line.png", "map-log.png"]
    for path, height in zip(written, (300, 420), strict=True):
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert int.from_bytes(content[16:20], "big") == 2 * WIDTH
        assert int.from_bytes(content[20:24], "big") == 2 * height
