"""A report is written whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import report
from diagnostics.run import Run


def test_it_lies_where_it_was_asked_for_and_nothing_beside_it(runs: Path, tmp_path: Path) -> None:
    path = report(Run(runs / "sick"), tmp_path / "new" / "sick.html")
    assert path == tmp_path / "new" / "sick.html"
    assert [file.name for file in path.parent.iterdir()] == ["sick.html"]
    assert path.read_text("utf-8").endswith("</html>\n")


def test_what_was_there_stays_until_it_is_whole(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sick.html"
    path.write_text("before")
    monkeypatch.setattr("dashboard.report_page.document", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report(Run(runs / "sick"), path)
    assert path.read_text() == "before"
