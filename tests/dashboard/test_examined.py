"""The doctor is asked once for each state of a run, and a growing run is left alone for a while."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from dashboard import examined as module
from dashboard.examined import MOST, Examined
from diagnostics import doctor
from diagnostics.run import FathomError
from tests.dashboard.samples import train


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    real = doctor.examine
    monkeypatch.setattr(doctor, "examine", lambda run: names.append(run.name) or real(run))
    return names


def test_once_for_each_state(tmp_path: Path, asked: list[str]) -> None:
    path = train(tmp_path / "run", steps=3)
    examined = Examined()
    first = examined.of(path)
    assert first.run == "run"
    assert examined.of(path) is first
    assert asked == ["run"]


def test_a_run_that_grows_is_left_alone_for_a_while(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = train(tmp_path / "run", steps=3)
    clock = [0.0]
    monkeypatch.setattr(
        module.time, "monotonic", lambda: clock.__setitem__(0, clock[0] + 1) or clock[0]
    )
    monkeypatch.setattr(module.Run, "state", "running")
    monkeypatch.setattr(module.Run, "refresh", lambda run: True)
    examined = Examined()
    for _ in range(4):
        examined.of(path)
    assert asked == ["run"]
    clock[0] += 100
    examined.of(path)
    assert asked == ["run", "run"]


def test_what_is_known_is_told_without_waiting(tmp_path: Path, asked: list[str]) -> None:
    path = train(tmp_path / "run", steps=2)
    examined = Examined()
    assert examined.known(path) is None
    assert asked == []
    examination = examined.of(path)
    assert examined.known(path) is examination
    assert asked == ["run"]


def test_whoever_cannot_wait_is_told_that_it_is_coming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, gate = train(tmp_path / "run", steps=2), Event()
    real = doctor.examine
    monkeypatch.setattr(doctor, "examine", lambda run: gate.wait(30) and real(run))
    examined = Examined()
    assert examined.soon(path, patience=0.01) == (None, True)
    assert examined.soon(path, patience=0.01) == (None, True)
    gate.set()
    examination = examined.of(path)
    assert examined.soon(path) == (examination, False)


def test_what_breaks_is_told_to_everyone_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, asked = train(tmp_path / "run", steps=2), []
    monkeypatch.setattr(doctor, "examine", lambda run: asked.append(run) or 1 / 0)
    examined = Examined()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            examined.of(path)
        with pytest.raises(ZeroDivisionError):
            examined.soon(path)
    assert len(asked) == 1


def test_a_run_that_is_none_is_refused(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(FathomError):
            Examined().of(tmp_path / "nothing")


def test_only_some_are_kept(tmp_path: Path, asked: list[str]) -> None:
    paths = [train(tmp_path / f"run{n}", steps=2) for n in range(2)]
    examined = Examined()
    for path in (paths[0], paths[1], paths[0]):
        examined.of(path)
    assert asked == ["run0", "run1"]
    assert len(examined._patients) <= MOST
