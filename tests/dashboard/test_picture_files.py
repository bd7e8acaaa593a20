"""Each picture is a file with a sane name; a slider in it is a label."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.picture_files import WIDTH, file_stem, without_controls, write_pictures
from diagnostics.run import FathomError, Run
from tests.dashboard.samples import make_flow


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What kaleido was asked for, by one that writes the size into the file."""
    asked: list[dict[str, Any]] = []

    def write(figures: list[dict[str, Any]], *, kopts: dict[str, Any]) -> None:
        assert kopts["mathjax"] is False
        assert Path(kopts["plotlyjs"]).is_file()
        for each in figures:
            each["path"].write_text(str(each["opts"]))
        asked.extend(figures)

    fake = SimpleNamespace(write_fig_from_object_sync=write)
    monkeypatch.setitem(sys.modules, "kaleido", fake)
    monkeypatch.setattr("dashboard.picture_files.find_browser", lambda: "/opt/chrome")
    return asked


def test_a_file_for_every_picture_and_choice(
    drawn: list[dict[str, Any]], runs: Path, tmp_path: Path
) -> None:
    written = write_pictures([Run(runs / "sick")], tmp_path / "new", "png")
    assert tmp_path / "new" / "gradient_flow.png" in written
    assert tmp_path / "new" / "loss_curve.png" in written
    assert sorted(written) == sorted((tmp_path / "new").iterdir())
    assert len(set(written)) == len(drawn)
    assert {each["opts"]["width"] for each in drawn} == {WIDTH}
    assert {each["opts"]["scale"] for each in drawn} == {2}
    for each in drawn:
        assert each["opts"]["height"] == each["fig"]["layout"].get("height", 400)


def test_several_runs_have_a_folder_each(
    drawn: list[dict[str, Any]], runs: Path, tmp_path: Path
) -> None:
    several = [Run(runs / name) for name in ("sick", "healthy")]
    for run in several:
        run.name = "../a name"
    written = write_pictures(several, tmp_path / "x", "svg")
    folders = [tmp_path / "x" / name for name in ("a-name", "a-name-2")]
    assert {path.parent for path in written} == set(folders)
    assert all((folder / "loss_curve.svg").is_file() for folder in folders)
    assert {each["opts"]["scale"] for each in drawn} == {1}


def test_without_kaleido_it_says_what_to_install(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(FathomError, match=r"pip install 'kaleido"):
        write_pictures([Run(runs / "sick")], tmp_path / "new", "pdf")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("loss_landscape side by side log", "loss_landscape-side-by-side-log"),
        ("../../etc/passwd", "etc-passwd"),
        ("…", "run"),
    ],
)
def test_names_of_files_are_plain(name: str, stem: str) -> None:
    assert file_stem(name) == stem


def test_a_slider_says_its_step_and_nothing_else() -> None:
    from dashboard.panel import draw

    figure = draw(make_flow()).to_plotly_json()
    (before,), (after,) = (each["layout"]["sliders"] for each in (figure, without_controls(figure)))
    assert after["currentvalue"]["prefix"] == before["currentvalue"]["prefix"]
    assert after["currentvalue"]["font"]["color"] != after["font"]["color"]
    assert after["font"]["color"] == after["bgcolor"] == "rgba(0,0,0,0)"
    assert before["bgcolor"] != "rgba(0,0,0,0)"  # the figure itself stays as it was
    assert without_controls({"data": [], "layout": {}})["layout"]["sliders"] == []
