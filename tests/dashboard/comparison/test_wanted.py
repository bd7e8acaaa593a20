"""What an address wants of a comparison, and what is there of it."""

from __future__ import annotations

import torch

from dashboard.address import Address
from dashboard.comparison.views import Views
from dashboard.comparison.wanted import state_of, wanted
from dashboard.open_runs import OpenRuns
from probes import Recorder
from tests.twins import folder, twin


def here(**changes: object) -> Address:
    return Address(**({"page": "compare", "run": "base", "others": ("again",)} | changes))  # type: ignore[arg-type]


def opened() -> Views:
    for name in ("base", "again"):
        twin(name)
    return Views(OpenRuns(folder()))


def test_the_runs_with_what_they_have_grown_to() -> None:
    runs = opened()
    state = state_of(runs, here())
    assert [name for name, _ in state["runs"]] == ["base", "again"]
    assert [run.name for run in wanted(runs, state).runs] == ["base", "again"]
    assert state == state_of(runs, here())


def test_a_run_that_is_not_there_is_said_and_left_out() -> None:
    state = state_of(opened(), here(others=("gone", "again")))
    assert [name for name, _ in state["runs"]] == ["base", "again"]
    assert "gone" in state["missing"][0]


def test_how_they_are_looked_at_is_kept_as_far_as_it_makes_sense() -> None:
    runs = opened()
    found = wanted(runs, state_of(runs, here(along="time", smooth=0.5, scale="log", layer="2")))
    assert (found.along, found.smooth, found.scale, found.layer) == ("time", 0.5, "log", "2")
    assert wanted(runs, state_of(runs, here(along="epochs"))).along == "step"


def test_a_run_that_grows_changes_the_state_and_nothing_else_does(tmp_path) -> None:
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    views, address = Views(OpenRuns(tmp_path)), here(run="grows", others=())
    with Recorder(model, optimizer, tmp_path / "grows", every=1) as recorder:
        for _ in range(3):
            model(torch.ones(4, 2)).sum().backward()
            optimizer.step()
        before = state_of(views, address)
        assert state_of(views, address) == before
        recorder.log(loss=1.0)
    after = state_of(views, address)
    assert after["runs"][0][1] > before["runs"][0][1]
    assert state_of(views, address) == after


def test_a_name_is_never_a_path() -> None:
    state = state_of(opened(), here(run="../../etc"))
    assert [name for name, _ in state["runs"]] == ["again"]
