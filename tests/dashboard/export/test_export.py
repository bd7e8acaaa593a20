"""One call exports a run, live or finished, and says what a column means."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from importlib import import_module

import pytest

from dashboard.export import export
from dashboard.export.columns import DERIVED, PLACES, RECORDED
from dashboard.export.export import FORMATS
from diagnostics.run import FathomError, Run, RunError
from tests.dashboard.export.hostile import hostile

NEEDS = {"csv": "numpy", "parquet": "pyarrow", "netcdf": "h5netcdf", "tensorboard": "tensorboard"}


@pytest.mark.parametrize("to", FORMATS)
def test_every_format_is_written(to, tmp_path):
    pytest.importorskip(NEEDS[to])
    files = export(hostile(tmp_path), to, tmp_path / "out")
    assert sorted((tmp_path / "out").iterdir()) == files
    assert tmp_path / "out" / "about.json" in files
    assert {path.name for path in tmp_path.iterdir()} == {"run", "out"}  # no name became a path


def test_what_was_exported_is_told(tmp_path):
    export(hostile(tmp_path), "csv", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "about.json").read_text())
    assert told["run"] == "run"
    assert told["last_step"] == 2**63 - 1
    assert told["columns"] == PLACES | RECORDED | DERIVED
    assert told["info"]["args"] == {"lr": "nan"}
    assert "apostrophe" in told["apostrophes"]


def test_an_unknown_format_says_which_there_are(tmp_path):
    with pytest.raises(FathomError, match=r"'xlsx'.*csv, parquet, netcdf, tensorboard"):
        export(hostile(tmp_path), "xlsx", tmp_path / "out")


@pytest.mark.parametrize("to", FORMATS[1:])
def test_a_missing_extra_says_what_to_install(to, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, NEEDS[to], None)
    for name in [
        n for n in sys.modules if n.startswith((f"{NEEDS[to]}.", f"dashboard.export.{to}"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(FathomError, match=r"pip install 'torch-fathom\[export\]'"):
        export(hostile(tmp_path), to, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_missing_module_is_not_blamed_on_the_extra(tmp_path, monkeypatch):
    def broken(name):
        raise ModuleNotFoundError(name="other")

    monkeypatch.setattr(import_module("dashboard.export.export"), "import_module", broken)
    with pytest.raises(ModuleNotFoundError):
        export(hostile(tmp_path), "csv", tmp_path / "out")


def test_a_live_run_is_exported_as_far_as_it_is(tmp_path):
    import torch

    from probes import Recorder
    from tests.dashboard.samples import network, step

    model, optimizer = network("Tanh")
    inputs, targets = torch.randn(8, 16), torch.randint(0, 4, (8,))
    with Recorder(model, optimizer, tmp_path / "live") as recorder:
        for _ in range(3):
            step(model, optimizer, recorder, inputs, targets)
        run = Run(tmp_path / "live")
        export(run, "csv", tmp_path / "out")
    told = json.loads((tmp_path / "out" / "about.json").read_text())
    assert told["state"] == "running"
    export(Run(tmp_path / "live"), "csv", tmp_path / "all")
    with (tmp_path / "all" / "scalars.csv").open(newline="") as file:
        losses = [row for row in csv.DictReader(file) if row["name"] == "loss"]
    assert [int(row["step"]) for row in losses] == [1, 2, 3]


def test_segments_that_become_an_archive_meanwhile_are_read_there(runs, tmp_path):
    finished = runs / "sick"
    live = tmp_path / "live"
    hostile(tmp_path)
    shutil.copytree(tmp_path / "run", live)
    run = Run(live)
    shutil.copy(finished / "recording.h5", live / "recording.h5")
    shutil.rmtree(live / "segments")
    (live / "segments").mkdir()
    export(run, "csv", tmp_path / "out")
    with (tmp_path / "out" / "scalars.csv").open(newline="") as file:
        assert {row["name"] for row in csv.DictReader(file)} >= {"loss"}


def test_a_damaged_run_is_an_error_and_leaves_nothing(tmp_path):
    run = hostile(tmp_path)
    for path in (run.path / "segments").iterdir():
        path.write_bytes(b"")
    with pytest.raises(RunError, match="not a whole HDF5 file"):
        export(run, "csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_neither_torch_nor_plotly_is_loaded(tmp_path):
    hostile(tmp_path)
    code = (
        "import sys\nfrom diagnostics import Run\nfrom dashboard.export import export\n"
        f"export(Run({str(tmp_path / 'run')!r}), 'csv', {str(tmp_path / 'out')!r})\n"
        "assert not {'dash', 'torch', 'plotly', 'pandas', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
