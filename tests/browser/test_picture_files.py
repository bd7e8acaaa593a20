"""Pictures as kaleido really draws them, where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from dashboard.picture_files import write_pictures
from dashboard.report import Page
from diagnostics.run import Run

pytestmark = pytest.mark.browser

FIGURES: dict[str, Any] = {
    "run-1-line": {"data": [{"y": [1, 3, 2]}], "layout": {"height": 300}},
    "run-1-landscape surface": {
        "data": [{"type": "surface", "z": [[1, 2], [3, 5]]}],
        "layout": {"height": 420},
    },
}


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<svg")])
def test_they_are_pictures_of_their_size(
    browser: Browser,
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    begins: bytes,
) -> None:
    pytest.importorskip("kaleido")
    monkeypatch.setattr("dashboard.picture_files.page", lambda _: Page("x", "", FIGURES))
    written = write_pictures([Run(runs / "healthy")], tmp_path, kind)
    assert [path.name for path in written] == [f"line.{kind}", f"landscape-surface.{kind}"]
    for path, height in zip(written, (300, 420), strict=True):
        content = path.read_bytes()
        assert content.startswith(begins)
        if kind == "png":
            assert int.from_bytes(content[20:24], "big") == 2 * height
        else:
            assert f'height="{height}"'.encode() in content
