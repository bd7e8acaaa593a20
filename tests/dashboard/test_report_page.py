"""One file that holds everything and asks for nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dashboard import report
from dashboard.packing import unpacked
from dashboard.panel import StoredPanel, panels, recorded_panels
from dashboard.report_page import document, page, write_whole
from dashboard.theme import SCHEMES, palette
from diagnostics.run import FathomError, Run
from tests.dashboard.samples import HOSTILE, train


def element_text(written: str, name: str) -> str:
    found = re.search(rf'<script type="[^"]+" id="{name}"[^>]*>(.*?)</script>', written, re.DOTALL)
    assert found
    return found[1]


def figures_of(written: str) -> Any:
    return json.loads(unpacked(element_text(written, "figures")))["figures"]


@pytest.fixture(scope="module")
def both(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report on the sick and the healthy run."""
    path = tmp_path_factory.mktemp("report") / "both.html"
    return report([Run(runs / name) for name in ("sick", "healthy")], path).read_text("utf-8")


def test_holds_verdicts_pictures_and_facts(runs: Path, tmp_path: Path) -> None:
    path = report(Run(runs / "sick"), tmp_path / "new" / "sick.html")
    written = path.read_text("utf-8")
    assert path == tmp_path / "new" / "sick.html"
    assert "Vanishing gradient" in written
    assert "Sequential" in written
    assert [file.name for file in path.parent.iterdir()] == ["sick.html"]
    drawn = {name.split(" ")[0] for name in figures_of(written)}
    assert drawn == {f"run-1-{panel.name}" for panel in recorded_panels()}


def test_is_small(both: str) -> None:
    assert len(both) < 1_200_000  # of which the library is half


def test_several_runs_share_one_library_and_a_table_of_contents(both: str) -> None:
    assert 'href="#run-2"' in both
    assert unpacked(element_text(both, "library")).count("plotly.js v") == 1
    assert {name.split("-")[1] for name in figures_of(both)} == {"1", "2"}


def test_every_link_leads_somewhere_and_every_name_is_given_once(both: str) -> None:
    names = re.findall(r'\sid="([^"]+)"', both.split("<script", 1)[0])
    assert len(names) == len(set(names))
    links = re.findall(r'href="([^"]*)"', both.split("<script", 1)[0])
    assert {link[0] for link in links} == {"#"}
    assert {link[1:] for link in links} <= set(names)


def test_headings_go_down_one_by_one(both: str) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", both.split("<script", 1)[0])]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_what_is_not_read_aloud_by_itself_has_a_name(both: str) -> None:
    """One main part, one list of contents; buttons, pictures and groups say what they are."""
    found = Tags()
    found.feed(both.split("<script", 1)[0])
    tags = [tag for tag, _ in found.tags]
    assert (tags.count("main"), tags.count("nav"), tags.count("header") > 0) == (1, 1, True)
    assert '<html lang="en"' in both
    pictures = [told for tag, told in found.tags if told.get("role") == "group"]
    assert pictures
    assert all(told.get("aria-label") for told in pictures)
    assert dict(found.tags)["nav"].get("aria-label")
    assert re.search(r"<noscript>.*scripts.*</noscript>", both, re.DOTALL)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_stand_out_from_what_is_behind_them(scheme: Any) -> None:
    colours = palette(scheme)
    words = ("ink", "dimmed", "accent", "error", "warning", "hint", "good")
    for ground in ("page", "card", "sunken"):
        for word in words:
            found = contrast(getattr(colours, word), getattr(colours, ground))
            assert found >= 4.5, f"{word} on {ground}: {found:.2f}"


def test_asks_nothing_of_the_network(both: str) -> None:
    assert "default-src 'none'" in both
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", both)
    assert json.loads(element_text(both, "look"))["config"]["showSendToCloud"] is False


def test_a_broken_panel_is_shown_in_its_place(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: object) -> object:
        raise ZeroDivisionError("<oops>")

    def refuses(_: object) -> object:
        raise FathomError("no series 'gradients'; record it")

    panel = next(panel for panel in recorded_panels() if panel.name == "gradient_flow")
    several = (replace(panel, name="a", analyse=breaks), replace(panel, name="b", analyse=refuses))
    monkeypatch.setattr("dashboard.report_run.panels", lambda: (*several, panel))
    written = report(Run(runs / "sick"), tmp_path / "x.html").read_text("utf-8")
    assert "ZeroDivisionError: &lt;oops&gt;" in written
    assert "no series &#x27;gradients&#x27;; record it" in written
    assert list(figures_of(written)) == ["run-1-gradient_flow"]


def test_names_are_text(tmp_path: Path) -> None:
    name = HOSTILE.replace("/", "|").replace(".", ",")
    run = Run(train(tmp_path / name, "Sigmoid", steps=5, name=name))
    shown = page(run)
    for written in (document(shown), document(shown, on_paper=True)):
        assert "<img" not in written.split("<script", 1)[0]
        assert "<img" not in written.split('id="library"')[0]
    assert "<img" not in json.dumps(figures_of(document(shown)))


def test_on_paper_it_lies_open_and_says_the_same(runs: Path) -> None:
    shown = page(Run(runs / "healthy"))
    paper, screen = document(shown, on_paper=True), document(shown)
    assert '<html lang="en" class="paper" data-scheme="light">' in paper
    assert element_text(paper, "figures") == unpacked(element_text(screen, "figures"))
    assert element_text(paper, "library") == unpacked(element_text(screen, "library"))


def test_what_is_missing_is_said(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "dropped", 7)
    run = Run(runs / "healthy")
    monkeypatch.setattr(Run, "passed_over", ("r0000-00000003.h5",))
    written = report(run, tmp_path / "x.html").read_text("utf-8")
    assert "7 rows could not be written" in written
    assert "r0000-00000003.h5" in written


def test_a_file_is_never_seen_half_written(tmp_path: Path) -> None:
    target = tmp_path / "x.html"
    target.write_text("before")
    with pytest.raises(TypeError):
        write_whole(target, "no bytes")  # type: ignore[arg-type]
    assert target.read_text() == "before"
    assert write_whole(target, b"after").read_text() == "after"


def test_no_command_computes_for_two_chapters() -> None:
    """What one chapter says is still to be computed must not be what another has."""
    stored = [panel for panel in panels() if isinstance(panel, StoredPanel)]
    pairs = {(panel.stored.command, panel.chapter) for panel in stored}
    assert len(pairs) == len({command for command, _ in pairs})


class Tags(HTMLParser):
    """Every element's tag and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
