from __future__ import annotations

from pathlib import Path

from dashboard.markup import to_html
from dashboard.no_runs import empty
from tests.dashboard.samples import HOSTILE


def test_an_empty_folder_says_where_to_record() -> None:
    assert "Recorder(model, optimizer, &quot;runs/my-run&quot;)" in to_html(empty(Path("runs")))


def test_its_name_is_text() -> None:
    assert "<img" not in to_html(empty(Path(HOSTILE)))
