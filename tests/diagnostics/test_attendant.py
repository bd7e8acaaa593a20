from __future__ import annotations

import json
import subprocess
import sys

from torch import nn

from diagnostics import Run, examine
from diagnostics.attendant import attend
from tests.trainings import deep, record


def test_a_finished_run_is_examined_once_and_whole(tmp_path):
    path = record(tmp_path / "run", deep(nn.Sigmoid))
    assert list(attend(path)) == list(examine(Run(path)).findings)


def test_it_says_one_line_a_finding_and_never_loads_torch(tmp_path):
    path = record(tmp_path / "run", deep(nn.Sigmoid))
    command = [sys.executable, "-X", "importtime", "-m", "diagnostics.attendant", str(path)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    said = [json.loads(line)["disease"] for line in ended.stdout.splitlines()]
    assert said == [found.disease for found in examine(Run(path)).findings]
    assert "vanishing_gradient" in said
    assert "torch" not in {line.rsplit("|")[-1].strip() for line in ended.stderr.splitlines()}


def test_a_run_that_is_gone_ends_it_quietly(tmp_path):
    command = [sys.executable, "-m", "diagnostics.attendant", str(tmp_path / "nothing")]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("", "")
