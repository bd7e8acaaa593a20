from __future__ import annotations

import json
import os

import pytest
import torch
from torch import nn

from diagnostics import Run
from probes import FathomError, Gradients, Recorder, Weights
from probes.folder import is_held
from probes.opening import deposit, kind_of, new_run, open_run, ranks
from probes.schedule import Every
from probes.watch import Training
from tests.trainings import mlp, record


def training(model, layers=None):
    optimizers = [torch.optim.SGD(model.parameters(), 0.1)]
    return Training(model, optimizers, layers, compiled=False, first=True)


def test_what_is_known_at_the_start_is_written_down(tmp_path):
    model = nn.Sequential(nn.Linear(3, 2), nn.LazyLinear(4))  # of the latter no size is known
    probes = [Gradients(), Weights()]
    new_run(tmp_path / "run", training(model, "0.*"), probes, Every(7))
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["model"] == {"class": "Sequential", "parameters": 8, "layers": "0.*"}
    assert info["optimizers"] == ["SGD"]
    assert info["schedule"] == "every 7 steps"
    assert info["series"] == {probe.series: probe.state for probe in probes}
    assert info["pid"] == os.getpid()


def test_a_new_run_starts_at_nothing_and_is_held_by_its_scribe(tmp_path):
    new_run(tmp_path / "run", training(mlp()), [], Every(1))
    start, courier = open_run(tmp_path / "run", 0, 1)
    assert start == 0
    assert is_held(tmp_path / "run")
    courier.close(30)
    assert not is_held(tmp_path / "run")


def test_a_run_goes_on_after_the_last_step_of_any_of_its_processes(tmp_path):
    folder = record(tmp_path / "run", steps=6)
    (folder / "recording.h5").rename(folder / "recording-r0001.h5")
    for processes, expected in ((1, 0), (2, 6)):
        start, courier = open_run(folder, 0, processes)
        courier.close(30)
        assert start == expected


def test_a_process_alone_is_the_first_of_one():
    assert ranks() == (0, 1)


def test_a_folder_that_holds_a_run_is_never_overwritten(tmp_path):
    folder = record(tmp_path / "run")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(FathomError, match=r"already holds a run.*resume=True.*run-2"):
        record(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("…")
    with pytest.raises(FathomError, match="exists and is no run"):
        record(tmp_path)


def test_a_run_that_is_still_recorded_cannot_be_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr("probes.folder.hold.__defaults__", (0.5,))
    model = mlp()
    with (
        Recorder(model, torch.optim.SGD(model.parameters(), 0.1), tmp_path / "run"),
        pytest.raises(FathomError, match="still being recorded"),
    ):
        record(tmp_path / "run", resume=True)


def test_resume_without_a_run_says_so(tmp_path):
    with pytest.raises(FathomError, match="there is no run at"):
        record(tmp_path / "none", resume=True)


def test_a_damaged_archive_is_not_resumed_and_the_run_is_let_go(tmp_path):
    folder = record(tmp_path / "run", steps=3)
    whole = (folder / "recording.h5").read_bytes()
    (folder / "recording.h5").write_bytes(whole[:5000])
    with pytest.raises(FathomError, match="copy it again"):
        record(folder, resume=True)
    (folder / "recording.h5").write_bytes(whole)
    record(folder, steps=2, resume=True)
    assert Run(folder).last_step == 5


def test_a_damaged_segment_survives_a_resume(tmp_path):
    folder = record(tmp_path / "run", steps=3)
    damaged = folder / "segments/r0000-00000000.h5"
    damaged.write_bytes(b"torn")
    record(folder, steps=2, resume=True)
    assert damaged.read_bytes() == b"torn"
    assert Run(folder).last_step == 5
    assert Run(folder).passed_over == ()


class SGD(torch.optim.SGD):
    """Whatever it does, it need not be what torch's does."""


def test_only_torchs_own_optimizers_go_by_their_bare_names():
    weights = [nn.Parameter(torch.ones(2))]
    assert kind_of(torch.optim.SGD(weights, 0.1)) == "SGD"
    assert kind_of(torch.optim.AdamW(weights, 0.1)) == "AdamW"
    assert kind_of(SGD(weights, 0.1)) == f"{__name__}.SGD"


def test_of_several_processes_the_first_alone_makes_a_program(tmp_path):
    class Never(nn.Linear):
        def forward(self, x):
            raise AssertionError("called")

    data = (torch.ones(4, 2), torch.ones(4, 1))
    of_second = deposit(Never(2, 1), nn.functional.mse_loss, (data, data), tmp_path, 1)
    of_second.hand_over(None, None, 0)  # nobody is told anything, nor sent anything
    with pytest.raises(FathomError, match="held_out= without batch="):
        deposit(Never(2, 1), None, (None, data), tmp_path, 1)
