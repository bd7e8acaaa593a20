from __future__ import annotations

from pathlib import Path

from dashboard.markup import to_html
from dashboard.no_runs import empty, unknown
from tests.dashboard.samples import HOSTILE


def test_an_empty_folder_says_where_to_record() -> None:
    assert "Recorder(model, optimizer, &quot;runs/my-run&quot;)" in to_html(empty(Path("runs")))


def test_its_name_is_text() -> None:
    assert "<img" not in to_html(empty(Path(HOSTILE)))


def test_of_a_run_that_there_is_not_it_says_why_and_where_the_others_are() -> None:
    told = to_html(unknown(f"no run '{HOSTILE}'"))
    assert "no run &#x27;" in told
    assert "<img" not in told
    assert 'href="?page=runs"' in told
