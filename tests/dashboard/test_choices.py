"""Which run an address means, and the list to choose from."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.choices import choices, empty, named
from dashboard.markup import to_html
from diagnostics.runs import RunSummary
from tests.dashboard.samples import HOSTILE


def summary(name: str, state: str = "finished", steps: int = 1200) -> RunSummary:
    return RunSummary(Path("runs") / name, name, state, steps, "", 0.0)


RUNS = [summary("new"), summary("group/old", "killed", 1)]


@pytest.mark.parametrize(
    ("search", "name"),
    [
        (None, "new"),
        ("", "new"),
        ("?run=group/old", "group/old"),
        ("?run=group%2Fold", "group/old"),
        ("?other=3", "new"),
        ("?run=nobody", "nobody"),
    ],
)
def test_an_address_names_a_run_or_means_the_first(search: str | None, name: str) -> None:
    assert named(search, RUNS) == name


def test_where_no_run_is_none_is_meant() -> None:
    assert named("", []) is None


def test_the_chosen_one_alone_is_marked() -> None:
    links = choices(RUNS, "group/old").inside[1:]
    assert [link.kind for link in links] == ["choice finished", "choice killed chosen"]


def test_a_choice_says_its_state_and_steps() -> None:
    written = to_html(choices(RUNS, None))
    assert "2 runs" in written
    assert "finished · 1,200 steps" in written
    assert "killed · 1 step<" in written


@pytest.mark.parametrize("name", ["a&run=b", "50%", "a+b", "é #1", HOSTILE])
def test_a_link_leads_to_the_run_it_names(name: str) -> None:
    runs = [summary("first"), summary(name)]
    address = choices(runs, None).inside[2].attributes["href"]
    assert named(address, runs) == name


def test_an_empty_folder_says_where_to_record() -> None:
    assert "Recorder(model, optimizer, &quot;runs/my-run&quot;)" in to_html(empty(Path("runs")))
