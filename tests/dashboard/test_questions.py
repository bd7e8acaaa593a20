"""Questions of a page are those of the command line, without what would name files or code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashboard.questions import questions
from diagnostics.run import FathomError

RUN = Path("/runs/digits")


def command(name: str, **answers: Any) -> list[str]:
    return questions()[name].command(RUN, answers, {"group/other": Path("/runs/group/other")})


def test_every_analysis_can_be_asked() -> None:
    assert {"landscape", "curvature", "connectivity", "mc-dropout", "quality"} <= set(questions())
    assert questions()["mc-dropout"].title == "MC dropout"


def test_nothing_that_names_a_file_or_code_is_offered() -> None:
    offered = {field.name for each in questions().values() for field in each.fields}
    assert not offered & {"run", "subject", "towards_run", "target", "clean", "beside"}
    assert not offered & {"device", "workers"}
    assert "held_out" in offered  # as a tick alone: the recorded data
    assert command("quality", held_out=["yes"])[3:] == ["--held-out"]


def test_answers_become_options() -> None:
    assert command("landscape") == ["analyse", "landscape", "/runs/digits"]
    asked = command(
        "landscape", step=40, along="trajectory", line=["yes"], resolution=51, reach="2"
    )
    assert asked[3:] == ["--step=40", "--along=trajectory", "--line", "--reach=2"]
    assert command("mc-dropout", rates="0.1, 0.5")[3:] == ["--rates", "0.1", "0.5"]


def test_other_runs_are_named_and_never_paths() -> None:
    assert command("ensemble", others=["group/other", "", None])[3:] == ["/runs/group/other"]
    with pytest.raises(FathomError, match="no run '/etc'"):
        command("connectivity", other=["/etc"])


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("landscape", {"along": "sideways"}),
        ("landscape", {"reach": ["--subject=os:system"]}),
        ("landscape", {"seed": "1\n--subject=os:system"}),
        ("early-stopping", {"scalar": "x" * 1000}),
        ("mc-dropout", {"rates": "0.1 --subject=os:system"}),
    ],
)
def test_what_is_no_answer_is_refused(name: str, answers: dict[str, Any]) -> None:
    with pytest.raises(FathomError):
        command(name, **answers)


def test_an_answer_is_never_taken_for_an_option() -> None:
    assert command("early-stopping", scalar="--clean=os:system")[3:] == [
        "--scalar=--clean=os:system"
    ]
