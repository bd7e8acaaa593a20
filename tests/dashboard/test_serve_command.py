"""`fathom serve`'s options become a door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashboard.cli import main
from dashboard.serving import Door

Served = list[tuple[Path, Door]]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    """What would have been served."""
    asked: Served = []
    monkeypatch.setattr("dashboard.serving.serve", lambda *given: asked.append(given))
    return asked


@pytest.mark.parametrize(
    ("options", "door"),
    [
        ([], Door()),
        (["--host", "0.0.0.0", "--port", "0"], Door("0.0.0.0", 0)),
        (["--token", "t"], Door(token="t")),
        (["--token", ""], Door(token="")),
        (
            ["--base-path", "/p", "--allow-host", "a.test", "--allow-host", "b.test"],
            Door(base_path="/p", names=("a.test", "b.test")),
        ),
    ],
)
def test_options_say_where_and_to_whom(
    options: list[str], door: Door, served: Served, tmp_path: Path
) -> None:
    assert main(["serve", str(tmp_path), *options]) == 0
    assert served == [(tmp_path, door)]


def test_what_is_no_folder_is_not_served(served: Served, tmp_path: Path, capsys: Any) -> None:
    assert main(["serve", str(tmp_path / "none")]) == 2
    assert "none is not a folder" in capsys.readouterr().err
    assert served == []


def test_what_is_no_path_is_refused_in_one_line(tmp_path: Path, capsys: Any) -> None:
    assert main(["serve", str(tmp_path), "--base-path", "/a b"]) == 2
    assert capsys.readouterr().err == (
        "fathom: '/a b' is no path to serve under; give one such as /user/ada/proxy/8050\n"
    )
