"""Whatever is in the folder: a clear error, nothing run, and memory that stays bounded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from probes.program.as_json import to_json
from probes.program.interpreter import prepare
from tests.probes.program.hostile import FORGED, forged, mutated
from tests.probes.program.models import program_of, weights_for

ROOT = Path(__file__).parents[3]
MUTANTS = 300
LOADER = """
import json, sys, torch
from pathlib import Path
from probes.folder import FathomError
from probes.program import rehearse
from probes.program.as_json import from_json
from probes.program.soundness import check
torch.set_num_threads(1)
batch = {"inputs": torch.zeros(8, 6), "target": torch.zeros(8, dtype=torch.int64)}
QUIET = ("compile", "exec", "os.", "subprocess", "socket", "shutil", "ctypes", "pickle")
ran, watching = [], [False]
def hear(event, arguments):
    if watching[0] and (event.startswith(QUIET) or event == "open" and "w" in str(arguments[1])):
        ran.append(f"{event} {arguments}"[:200])
def load(path):
    text = path.read_bytes()
    watching[0] = True
    try:
        program = from_json(text)
        check(program)
        return program
    finally:
        watching[0] = False
def judged(path):
    try:
        rehearse(load(path), batch, 1 << 28)
        return ""
    except FathomError as error:
        return str(error)
    except Exception as error:
        return f"UNFORESEEN {type(error).__name__}: {error}"
paths = sorted(Path(sys.argv[1]).iterdir())
judged(next(path for path in paths if path.name == "sound"))  # what torch loads by itself
sys.addaudithook(hear)
def peak():
    [line] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) << 10
before = peak()
found = {path.name: judged(path) for path in paths}
print(json.dumps({"found": found, "ran": ran, "grown": peak() - before}))
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What a fresh process says of each."""
    place = tmp_path_factory.mktemp("hostile")
    _, recorded = program_of("mlp")
    text = to_json(recorded.program)
    content = json.loads(text)
    (place / "sound").write_text(text)
    for name in FORGED:
        program = forged(name, content)
        (place / name).write_bytes(program if isinstance(program, bytes) else program.encode())
    for seed in range(MUTANTS):
        (place / f"mutant {seed}").write_text(mutated(content, seed))
    done = subprocess.run(
        [sys.executable, "-c", LOADER, place],
        capture_output=True, text=True, timeout=120, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_program_is_refused_and_it_is_said_why(outcome, name):
    said = outcome["found"][name]
    assert FORGED[name][1] in said
    assert len(said) < 500


def test_a_sound_one_is_not(outcome):
    assert outcome["found"]["sound"] == ""


def test_every_mutant_ends_in_a_clear_error_or_makes_sense(outcome):
    found = {name: said for name, said in outcome["found"].items() if name.startswith("mutant")}
    assert not [said for said in found.values() if said.startswith("UNFORESEEN")]
    assert sum(said != "" for said in found.values()) > 200
    assert max(map(len, found.values())) < 600


def test_nothing_runs_while_a_program_is_read(outcome):
    assert outcome["ran"] == []


def test_memory_stays_bounded(outcome):
    assert outcome["grown"] < 400 << 20


def test_what_mutants_are_let_through_gives_a_number(outcome):
    from probes.program.as_json import from_json

    model, recorded = program_of("mlp")
    content = json.loads(to_json(recorded.program))
    weights = weights_for(model, recorded)
    weights_before = {name: tensor.clone() for name, tensor in weights.items()}
    sound = [seed for seed in range(MUTANTS) if outcome["found"][f"mutant {seed}"] == ""]
    for seed in sound:
        program = from_json(mutated(content, seed))
        asked = {spec.name for spec in program.of_kind("parameter", "buffer", "constant")}
        if asked <= weights.keys():  # storage refuses names that no snapshot has
            with torch.no_grad():
                loss = prepare(program)(weights, recorded.batch)["loss"]
            assert loss.shape == ()
    assert all(torch.equal(weights[name], weights_before[name]) for name in weights)
