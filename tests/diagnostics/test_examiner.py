from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from diagnostics.doctor import examine
from diagnostics.examiner import LOWEST, examined
from diagnostics.listing import read_listing, stamp
from diagnostics.run import Run
from probes.folder import hold
from tests.dashboard.samples import train


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "sick", "Sigmoid")


@pytest.fixture
def run(recorded, tmp_path):
    return shutil.copytree(recorded, tmp_path / "run")


def test_what_the_doctor_says_is_kept_in_the_folder(run):
    listing = examined(run)
    told = examine(Run(run))
    causes = [(f.disease, f.severity) for f in told.findings if not f.because_of]
    hints = [(f.disease, f.severity) for f in told.hints]
    assert causes
    assert [(each.disease, each.severity) for each in listing.verdicts] == causes + hints
    assert listing.looked == len(told.passed)
    assert read_listing(run, stamp(Run(run).summary)) == listing


def test_an_older_summary_is_made_up_for(run):
    written = json.loads((run / "summary.json").read_text())
    assert examined(run).highlights == {}  # it knows by itself
    older = {name: each for name, each in written.items() if name not in ("outlines", "extremes")}
    (run / "summary.json").write_text(json.dumps(older))
    highlights = examined(run).highlights
    assert highlights["extremes"] == written["extremes"]
    assert highlights["outlines"] == written["outlines"]


def test_nothing_is_kept_of_a_run_that_is_still_written(run):
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(summary | {"state": "running"}))
    held = hold(run)
    try:
        assert examined(run).verdicts
    finally:
        os.close(held)
    assert not (run / "listing.json").exists()


def test_a_run_that_cannot_be_read_is_told(tmp_path, run):
    assert "does not exist" in examined(tmp_path / "gone").trouble
    (run / "recording.h5").write_bytes(b"no HDF5")
    assert "recording.h5" in examined(run).trouble
    assert not (run / "listing.json").exists()


def test_a_fault_of_ours_is_told_by_its_name(run, monkeypatch):
    monkeypatch.setattr("diagnostics.examiner.examine", lambda _: 1 / 0)
    assert examined(run).trouble == "ZeroDivisionError: division by zero"


def test_the_process_answers_line_by_line_and_ends_with_whoever_asks(run, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "diagnostics.examiner"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        for folder, has_trouble in ((tmp_path / "gone", True), (run, False)):
            print(json.dumps(str(folder)), file=process.stdin, flush=True)
            told = json.loads(process.stdout.readline())
            assert bool(told["trouble"]) is has_trouble
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == LOWEST
        process.stdin.close()
        assert process.wait(10) == 0
