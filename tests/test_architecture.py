"""The rules of the house, checked from the syntax tree and in fresh processes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("probes", "diagnostics", "dashboard")

# What a room may import of the others: arrows run one way.
MAY_IMPORT = {
    "probes": ("probes",),
    "diagnostics": (
        *("diagnostics", "probes.recording", "probes.recording_file", "probes.folder"),
        *("probes.merging", "probes.program_file", "probes.snapshot_file"),
        *("probes.highlights", "probes.outline"),
    ),
    "dashboard": ("dashboard", "diagnostics"),
}
# Who may open a door to a heavy library.
CONTRACT = tuple(
    f"probes/{name}.py" for name in ("recording", "recording_file", "archive", "snapshot_file")
)
TORCH_FREE = (
    *CONTRACT,
    *(f"probes/{name}.py" for name in ("__init__", "binder", "courier", "clock", "folder")),
    *(
        f"probes/{name}.py"
        for name in ("gallery", "gathering", "merging", "origin", "program_file", "reserved")
    ),
    "probes/schedule.py",
    *(f"probes/{name}.py" for name in ("scribe", "troubles", "wire", "gallery")),
    *(f"probes/{name}.py" for name in ("highlights", "outline", "claims", "plain_file")),
)
SUBJECT = "diagnostics/subject/*.py"  # a subject, and what it is made of
CHECKS = "diagnostics/checks/*.py"  # of a model in memory, before its training
TREATMENT = "diagnostics/treatment/*.py"  # trains copies of what it treats
DOORS = {
    "torch": ("probes/*.py", SUBJECT, CHECKS, TREATMENT),
    "h5py": (*CONTRACT, "diagnostics/store.py", "diagnostics/taster.py"),
    "dash": ("dashboard/app.py", "dashboard/pages/*.py"),
    "plotly": ("dashboard/*",),
    "scipy": ("diagnostics/*",),
}
FORBIDDEN_STEMS = ("utils", "helpers", "common", "base", "manager", "misc")


def modules(root: Path = ROOT) -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((root / room).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Everything a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def offences(root: Path) -> list[str]:
    """Every broken rule, naming the file."""
    return [
        f"{path.relative_to(root).as_posix()}: {offence}"
        for path in modules(root)
        for offence in _offences(path, path.relative_to(root))
    ]


def _offences(path: Path, place: Path) -> Iterator[str]:
    room, name = place.parts[0], place.as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not ast.get_docstring(tree):
        yield "has no first line that says what it is"
    if place.stem in FORBIDDEN_STEMS:
        yield f"'{place.stem}' says nothing of what is inside"
    for imported in sorted(imports(path)):
        top = imported.split(".")[0]
        if top in ROOMS and not _allowed(imported, _may_import(room, name)):
            yield f"may not import {imported}"
        if top in DOORS and not any(fnmatch(name, door) for door in DOORS[top]):
            yield f"may not open the door to {top}"
        if top == "torch" and name in TORCH_FREE:
            yield "may not open the door to torch"


def _may_import(room: str, name: str) -> tuple[str, ...]:
    """A subject runs the programs that recordings hold; a loss is said alike everywhere."""
    runs = any(fnmatch(name, each) for each in (SUBJECT, CHECKS, TREATMENT))
    return MAY_IMPORT[room] + (("probes.program",) if runs else ())


def _allowed(imported: str, rooms: tuple[str, ...]) -> bool:
    return any(imported == room or imported.startswith(f"{room}.") for room in rooms)


def test_the_house_stands():
    assert offences(ROOT) == []


FAULTS = {
    "diagnostics/planted.py": ("from probes.recorder import Recorder", "probes.recorder"),
    "probes/planted.py": ("import diagnostics.run", "diagnostics.run"),
    "dashboard/planted.py": ("import probes.recording", "probes.recording"),
    "diagnostics/rules/planted.py": ("import torch", "door to torch"),
    "diagnostics/planted3.py": ("from probes.program import prepare", "probes.program"),
    "probes/program_file.py": ("import torch", "door to torch"),
    "probes/wire.py": ("def late():\n    from torch import nn", "door to torch"),
    "probes/planted2.py": ("import h5py", "door to h5py"),
    "dashboard/report.py": ("import dash", "door to dash"),
    "diagnostics/planted2.py": ("from plotly import graph_objects", "door to plotly"),
    "probes/utils.py": ("X = 1", "says nothing"),
    "dashboard/silent.py": ("NO_DOCSTRING", "no first line"),
}


@pytest.mark.parametrize("place", FAULTS)
def test_a_planted_fault_is_caught_and_named(tmp_path, place):
    code, offence = FAULTS[place]
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(code if code == "NO_DOCSTRING" else f'"""A module."""\n{code}\n')
    (found,) = [line for line in offences(tmp_path) if offence in line]
    assert found.startswith(f"{place}: ")


def loaded_by(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after some code."""
    script = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "never"),
    [
        ("import probes", {"torch", "h5py", "numpy"}),
        ("import probes.program", {"torch", "h5py", "numpy"}),
        ("import probes.scribe, probes.binder, probes.program_file", {"torch", "scipy"}),
        ("from diagnostics import Run, examine", {"torch", "plotly", "dash"}),
        ("import diagnostics.rules as r; r.rules()", {"torch", "plotly", "dash"}),
        ("import diagnostics.treatment.treatment", {"torch", "plotly", "dash"}),
        ("import dashboard", {"torch", "h5py", "plotly", "dash"}),
        ("import dashboard.cli", {"torch", "dash"}),
        ("import dashboard.report", {"torch", "dash"}),
        ("import dashboard.app", {"torch"}),
    ],
)
def test_no_room_loads_what_it_does_not_need(code, never):
    assert loaded_by(code) & never == set()


def test_every_feature_has_the_same_stem_in_every_room():
    figures = {path.stem for path in (ROOT / "dashboard/figures").glob("[a-z]*.py")}
    analyses = {path.stem for path in (ROOT / "diagnostics").glob("[a-z]*.py")}
    assert figures <= analyses


def test_every_module_has_a_test_of_its_name():
    tested = {
        path.relative_to(ROOT / "tests").as_posix() for path in ROOT.glob("tests/**/test_*.py")
    }
    for path in modules():
        place = path.relative_to(ROOT)
        mirrored = (place.parent / f"test_{place.name}").as_posix()
        if place.stem != "__init__" and place.as_posix() not in WITHOUT_A_TEST:
            assert mirrored in tested, f"{place} has no tests/{mirrored}"


WITHOUT_A_TEST = {  # and where they are tested instead
    "probes/probe.py": "a protocol",
    "probes/arguments.py": "tests/probes/test_recorder.py: what it refuses",
    "dashboard/app.py": "tests/browser/test_app.py",
}


def test_the_wheel_ships_the_three_rooms_and_nothing_else():
    text = (ROOT / "pyproject.toml").read_text()
    assert 'packages = ["probes", "diagnostics", "dashboard"]' in text
