"""`fathom compare` as people call it."""

from __future__ import annotations

import json
import shutil

import pytest

from dashboard.cli import main
from tests.twins import folder, twin


def path(name: str) -> str:
    twin(name)
    return str(folder() / name)


def test_two_runs(capsys) -> None:
    assert main(["compare", path("base"), path("poked")]) == 0
    assert "at step 7 first the output of 2" in capsys.readouterr().out


@pytest.mark.parametrize(("other", "code"), [("again", 0), ("nudged", 1)])
def test_a_training_that_does_not_repeat_can_fail_a_check(other: str, code: int, capsys) -> None:
    assert main(["compare", path("base"), path(other), "--exit-code"]) == code
    assert capsys.readouterr().out


def test_for_machines_and_by_tokens(capsys) -> None:
    assert main(["compare", path("base"), path("faster"), "--json", "--along", "tokens"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["along"] == "tokens seen"


def test_one_alone_is_a_mistake(capsys) -> None:
    assert main(["compare", path("base")]) == 2
    assert "1 runs cannot be compared (base); name 2 to 10." in capsys.readouterr().err


def test_a_folder_stands_for_its_runs(tmp_path, capsys) -> None:
    for name in ("base", "again"):
        shutil.copytree(path(name), tmp_path / name)
    assert main(["compare", str(tmp_path)]) == 0
    assert "Identical throughout" in capsys.readouterr().out
