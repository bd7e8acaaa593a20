"""`fathom report` writes what the name of its output asks for, or says what to ask for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dashboard import paper, picture_files
from dashboard.cli import main

REPORT = import_module("dashboard.report")  # of the package itself, `report` is the function


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Which writer was called for what, in place of writing."""
    calls: list[tuple[str, Any]] = []

    def writes(what: str) -> Any:
        def write(runs: Any, path: Path, *kind: str) -> Any:
            calls.append((what, (len(runs), path, *kind)))
            return path if what != "pictures" else (path / "a.png", path / "b.png")

        return write

    writers = {"report": "html", "pdf_report": "pdf", "write_pictures": "pictures"}
    for module, (name, what) in zip((REPORT, paper, picture_files), writers.items(), strict=True):
        monkeypatch.setattr(module, name, writes(what))
    return calls


@pytest.mark.parametrize(
    ("output", "writer"), [("x.html", "html"), ("x", "html"), ("x.pdf", "pdf"), ("x.PDF", "pdf")]
)
def test_the_ending_says_what_is_written(
    asked: list[tuple[str, Any]], runs: Path, tmp_path: Path, output: str, writer: str
) -> None:
    assert main(["report", str(runs), "-o", str(tmp_path / output)]) == 0
    assert asked == [(writer, (2, tmp_path / output))]


def test_pictures_go_into_a_folder_and_are_named(
    asked: list[tuple[str, Any]], runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(runs / "sick"), "-o", "here", "--pictures", "svg"]) == 0
    assert asked == [("pictures", (1, Path("here"), "svg"))]
    assert capsys.readouterr().out.split() == ["here/a.png", "here/b.png"]
    main(["report", str(runs / "sick"), "--pictures", "pdf"])
    assert asked[1] == ("pictures", (1, Path("sick-pictures"), "pdf"))


@pytest.mark.parametrize(("ending", "kind"), [("png", "png"), ("svg", "svg"), ("jpg", "png")])
def test_a_report_is_not_one_picture(
    asked: list[tuple[str, Any]],
    runs: Path,
    capsys: pytest.CaptureFixture[str],
    ending: str,
    kind: str,
) -> None:
    assert main(["report", str(runs / "sick"), "-o", f"out.{ending}"]) == 2
    assert f"-o out --pictures {kind}" in capsys.readouterr().err
    assert asked == []


def test_the_default_is_named_after_the_run(
    asked: list[tuple[str, Any]], runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["report", str(runs / "sick")])
    main(["report", str(runs)])
    assert [told[1].name for _, told in asked] == ["sick.html", "report.html"]
