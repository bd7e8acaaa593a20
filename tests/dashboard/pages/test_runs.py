"""What the server tells the browser of the runs: what is new, and no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dash import Dash

from dashboard.guard import LOOPBACK, guard
from dashboard.open_runs import OpenRuns
from dashboard.pages import runs as page
from dashboard.run_index import RunIndex
from diagnostics.run import FathomError
from diagnostics.tags import read_tags
from tests.dashboard.listed import make_run, write


def ask(app: Dash, output: str, **values: Any) -> Any:
    """What a callback answers a browser on this machine; None where it has nothing to say."""
    called = next(each for each in app._callback_list if each["output"] == output)

    def given(kind: str) -> list[dict[str, Any]]:
        return [{**each, "value": values.get(each["id"])} for each in called[kind]]

    name, _, part = output.partition(".")
    body = {
        "output": output,
        "outputs": {"id": name, "property": part},
        "inputs": given("inputs"),
        "state": given("state"),
        "changedPropIds": [],
    }
    origin = {"Origin": values.get("origin", "http://localhost")}
    answer = app.server.test_client().post("/_dash-update-component", json=body, headers=origin)
    assert answer.status_code in (200, 204), answer.text
    return answer.json["response"][name][part] if answer.status_code == 200 else None


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "group/b"):
        make_run(tmp_path / name)
    return tmp_path


@pytest.fixture
def app(root: Path, monkeypatch: pytest.MonkeyPatch) -> Dash:
    """An app that has this page alone, and examines nothing."""
    asked: list[Any] = []
    monkeypatch.setattr("dashboard.examining.Examining.ask", lambda _, what: asked.append(what))
    app = Dash(__name__)
    app.layout = page.layout()
    page.register(app, OpenRuns(root))
    guard(app.server, LOOPBACK)
    app.asked = asked  # type: ignore[attr-defined]
    return app


def tell(app: Dash, seen: Any = None) -> Any:
    return ask(app, "runs-news.data", **{"runs-seen": seen})


def seen_of(told: Any) -> Any:
    return {"epoch": told["epoch"], "version": told["version"]}


def test_first_all_of_it_and_then_what_is_new(app: Dash, root: Path) -> None:
    told = tell(app)
    assert sorted(row["name"] for row in told["rows"]) == ["a", "group/b"]
    assert (told["fresh"], told["more"], told["total"], told["may"]) == (True, False, 2, True)
    assert tell(app, seen_of(told)) is None
    write(root / "a/summary.json", {"steps": 12, "state": "failed"})
    news = tell(app, seen_of(told))
    assert [(row["name"], row["state"], row["steps"]) for row in news["rows"]] == [
        ("a", "failed", 12)
    ]
    assert not news["fresh"]
    assert tell(app, seen_of(news)) is None


def test_whoever_saw_another_server_is_told_all(app: Dash) -> None:
    told = tell(app, {"epoch": "of yesterday", "version": 99})
    assert told["fresh"]
    assert len(told["rows"]) == 2


def test_many_runs_come_in_pieces(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST", 2)
    for n in range(3):
        make_run(root / f"{n}")
    index, seen, pieces = RunIndex(root), None, []
    while not pieces or pieces[-1]["more"]:
        pieces.append(page.news(index, "now", seen))
        seen = seen_of(pieces[-1])
    assert [len(piece["rows"]) for piece in pieces] == [2, 2, 1]
    assert len({row["name"] for piece in pieces for row in piece["rows"]}) == 5


def test_an_empty_folder_is_told_once(tmp_path: Path) -> None:
    told = page.news(RunIndex(tmp_path), "now", None)
    assert (told["rows"], told["total"], told["more"]) == ([], 0, False)


def test_what_has_no_verdicts_yet_is_asked_for(app: Dash, root: Path) -> None:
    tell(app)
    assert sorted(app.asked[-1]) == [str(root / "a"), str(root / "group/b")]  # type: ignore[attr-defined]


def test_a_tag_is_given_to_some_and_taken_off(app: Dash, root: Path) -> None:
    seen = seen_of(tell(app))
    wish = {"runs": ["a", "group/b"], "add": "<b>mine</b>"}
    assert ask(app, "runs-answer.data", **{"runs-wish": wish})["trouble"] == ""
    assert read_tags(root / "group/b") == ("<b>mine</b>",)
    assert {row["name"]: row["tags"] for row in tell(app, seen)["rows"]} == {
        "a": ["<b>mine</b>"],
        "group/b": ["<b>mine</b>"],
    }
    wish = {"runs": ["a"], "remove": "<b>mine</b>"}
    assert ask(app, "runs-answer.data", **{"runs-wish": wish})["trouble"] == ""
    assert (read_tags(root / "a"), read_tags(root / "group/b")) == ((), ("<b>mine</b>",))


@pytest.mark.parametrize(
    ("wish", "trouble"),
    [
        ({"runs": ["nobody"], "add": "x"}, "choose one from the list"),
        ({"runs": ["../a"], "add": "x"}, "choose one from the list"),
        ({"runs": ["a"], "add": "x" * 99}, "no tag"),
        ({"add": "x"}, "This part broke"),
        (None, "This part broke"),
    ],
)
def test_a_wish_that_cannot_be_done_says_why(app: Dash, wish: Any, trouble: str) -> None:
    assert trouble in ask(app, "runs-answer.data", **{"runs-wish": wish})["trouble"]


def test_from_another_machine_runs_can_be_seen_and_no_tag_given(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "may_start", lambda: False)
    app = Dash(__name__)
    app.layout = page.layout()
    page.register(app, OpenRuns(root))
    monkeypatch.setattr("dashboard.examining.Examining.ask", lambda *_: None)
    assert tell(app)["may"] is False
    wish = {"runs": ["a"], "add": "x"}
    assert "on the machine" in ask(app, "runs-answer.data", **{"runs-wish": wish})["trouble"]
    assert read_tags(root / "a") == ()


def test_a_name_of_a_run_is_never_a_path(root: Path) -> None:
    with pytest.raises(FathomError):
        page.give(RunIndex(root / "group"), {"runs": ["../a"], "add": "x"})


def test_a_row_is_small(root: Path) -> None:
    index = RunIndex(root)
    told = page.news(index, "now", None)
    assert all(len(json.dumps(row)) < 1000 for row in told["rows"])
