from __future__ import annotations

import json
import os
import platform
import sys
from datetime import datetime, timezone

import h5py
import numpy as np
import pytest
import torch

from probes.origin import origin

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A checkout on the branch `feature/x`, entered two folders down."""
    branch = tmp_path / ".git" / "refs" / "heads" / "feature" / "x"
    branch.parent.mkdir(parents=True)
    branch.write_text(COMMIT + "\n")
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/feature/x\n")
    (tmp_path / "src" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "src" / "deep")
    return tmp_path / ".git"


def test_it_names_process_machine_and_command():
    found = origin()
    assert (found["pid"], found["host"]) == (os.getpid(), platform.node())
    assert found["argv"] == sys.argv


def test_it_names_the_versions_in_use():
    found = origin()["versions"]
    assert found["python"] == platform.python_version()
    assert torch.__version__.startswith(found["torch"].split("+")[0])
    assert (found["numpy"], found["h5py"]) == (np.__version__, h5py.__version__)


def test_it_is_written_as_json():
    found = origin()
    assert json.loads(json.dumps(found)) == found


def test_no_two_runs_share_an_id():
    assert len({origin()["id"] for _ in range(100)}) == 100


def test_the_start_is_in_universal_time():
    started = datetime.fromisoformat(origin()["started"])
    assert started.utcoffset().total_seconds() == 0
    assert abs((datetime.now(timezone.utc) - started).total_seconds()) < 60


def test_the_commit_and_branch_are_found_from_below(repository):
    assert origin()["git"] == {"commit": COMMIT, "branch": "feature/x"}


def test_a_detached_head_is_a_commit(repository):
    (repository / "HEAD").write_text(COMMIT + "\n")
    assert origin()["git"] == {"commit": COMMIT}


def test_packed_references_are_left_unknown(repository):
    (repository / "refs" / "heads" / "feature" / "x").unlink()
    assert origin()["git"] is None


def test_no_repository_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert origin()["git"] is None
