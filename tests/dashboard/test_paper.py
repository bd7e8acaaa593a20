"""A report is printed by a program that takes a page and leaves a PDF; what goes wrong is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.paper import pdf_report
from diagnostics.run import FathomError, Run

PRINTS = """
for each in "$@"; do
  case "$each" in
    --print-to-pdf=*) target="${each#--print-to-pdf=}" ;;
    file://*) source="${each#file://}" ;;
  esac
done
printf '%%PDF of ' > "$target"
grep -o 'class="paper"' "$source" | head -1 >> "$target"
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A browser that does what a script says."""

    def put(script: str) -> Path:
        path = tmp_path / "browser"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("BROWSER_PATH", str(path))
        return path

    return put


def test_what_the_browser_prints_is_the_file(install, runs: Path, tmp_path: Path) -> None:
    install(PRINTS)
    path = pdf_report(Run(runs / "healthy"), tmp_path / "new" / "x.pdf")
    assert path == tmp_path / "new" / "x.pdf"
    assert path.read_text().split() == ["%PDF", "of", 'class="paper"']
    assert [file.name for file in path.parent.iterdir()] == ["x.pdf"]


def test_a_browser_that_prints_nothing_is_quoted(install, runs: Path, tmp_path: Path) -> None:
    install("echo 'no display, no paper' >&2")
    with pytest.raises(FathomError, match="printed nothing: no display, no paper"):
        pdf_report(Run(runs / "healthy"), tmp_path / "x.pdf")
    assert not (tmp_path / "x.pdf").exists()


def test_without_a_browser_nothing_is_begun(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "nowhere"))
    with pytest.raises(FathomError, match="BROWSER_PATH"):
        pdf_report(Run(runs / "healthy"), tmp_path / "new" / "x.pdf")
    assert not (tmp_path / "new").exists()
