"""Health: yes or no for everybody, more for those who may read the runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from dashboard.guard import guard
from dashboard.health import offer_health
from probes.folder import create_run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of two runs."""
    for name in ("a", "b"):
        create_run(tmp_path / "runs" / name, {"started": "2026-01-01T00:00:00+00:00"})
    return tmp_path / "runs"


def client(root: Path, token: str = "", base_path: str = "/") -> Any:
    app = Flask("healthy", static_folder=None)
    offer_health(app, root, base_path)
    guard(app, None, base_path=base_path, token=token)
    return app.test_client()


def test_it_tells_how_much_there_is(root: Path) -> None:
    answer = client(root).get("/health")
    told = answer.json
    assert (answer.status_code, told["status"], told["runs"]) == (200, "ok", 2)
    assert told.keys() == {"status", "version", "runs", "seconds"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_to_whom_holds_no_token_it_tells_nothing_else(root: Path) -> None:
    balancer = client(root, "t", "/p/")
    assert balancer.get("/p/health").json == {"status": "ok"}
    holder = {"Authorization": "Bearer t"}
    assert balancer.get("/p/health", headers=holder).json["runs"] == 2


def test_a_folder_that_is_gone_is_no_health(root: Path) -> None:
    asked = client(root)
    shutil.rmtree(root)
    answer = asked.get("/health")
    assert answer.status_code == 503
    assert answer.json == {"status": "the folder cannot be read"}
