from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from probes.folder import FathomError, ProgramError
from probes.program import read_program, weights_of
from probes.program.as_json import LARGEST
from probes.program.deposit import Deposit
from probes.program.objective import Objective
from probes.program_file import PROGRAM, TENSORS, ProgramDraft, has_program
from probes.snapshot_file import read_alone
from probes.troubles import Troubles
from probes.wire import FRAME, piece
from tests.probes.program.models import MODELS, made, program_of


class Direct:
    """An outbox whose scribe is right here."""

    def __init__(self, folder):
        self.folder, self.room = folder, 1 << 20
        self.events = []

    def begin_program(self, head):
        self.draft = ProgramDraft(self.folder, head)

    def send_piece(self, offset, chunk):
        self.draft.add(piece(offset, chunk)[FRAME.size :])

    def event(self, step, kind, text):
        self.events.append((step, kind, text))


def stored(folder, name, held_out=None):
    deposit = Deposit(*made(name), folder, held_out)
    deposit.hand_over(Direct(folder), Troubles(folder), 0)
    deposit.close(Troubles(folder))
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_what_is_stored_is_read(tmp_path, name):
    assert not has_program(tmp_path)
    found, recorded = read_program(stored(tmp_path, name)), program_of(name)[1]
    assert has_program(tmp_path)
    assert found.program == recorded.program
    assert found.held_out is None  # as in a recording of before there was any
    for ours, theirs in ((found.batch, recorded.batch), (found.constants, recorded.constants)):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
        assert all(ours[key].dtype == theirs[key].dtype for key in theirs)


def test_no_program_is_said_with_what_to_do(tmp_path):
    with pytest.raises(ProgramError, match=r"holds no program .*record it with Recorder\(…, loss="):
        read_program(tmp_path)


def test_no_more_is_read_than_a_program_may_have(tmp_path):
    stored(tmp_path, "mlp")
    with (tmp_path / PROGRAM).open("r+b") as file:
        os.truncate(file.fileno(), 1 << 40)  # a sparse file of a terabyte
    with pytest.raises(ProgramError, match=f"of {LARGEST + 1} bytes"):
        read_program(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_damaged_tensors_are_an_error_of_ours(tmp_path, damage):
    path = stored(tmp_path, "mlp") / TENSORS
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "gone":
        path.unlink()
    else:
        at = data.index(read_program(tmp_path).batch["inputs"].numpy().tobytes())
        data[at] ^= 1
        path.write_bytes(data)
    with pytest.raises(FathomError):
        read_program(tmp_path)


def snapshot():
    model, recorded = program_of("mlp")
    return recorded.program, {name: p.detach().numpy() for name, p in model.named_parameters()}


def test_a_snapshot_as_the_program_wants_it():
    program, arrays = snapshot()
    found = weights_of(program, arrays | {"unknown": np.zeros(3)})
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[name].numpy(), arrays[name]) for name in arrays)
    found["0.weight"].zero_()
    assert arrays["0.weight"].any()


def test_a_snapshot_of_another_model_is_refused():
    program, arrays = snapshot()
    with pytest.raises(ProgramError, match=r"'0.weight' is of shape \[2, 2\].*with \[16, 6\]"):
        weights_of(program, arrays | {"0.weight": np.zeros((2, 2), np.float32)})
    with pytest.raises(ProgramError, match=r"needs parameter '2.bias', and there are: 0.weight"):
        weights_of(program, {k: v for k, v in arrays.items() if k != "2.bias"})


@pytest.mark.parametrize("name", MODELS)
def test_what_was_held_out_is_read(tmp_path, name):
    model, loss, batch = made(name)
    found = read_program(stored(tmp_path, name, batch))
    wanted = Objective(model, loss, batch).inputs
    assert found.held_out.keys() == wanted.keys() == found.batch.keys()
    assert all(torch.equal(found.held_out[key], wanted[key]) for key in wanted)
    assert all(found.held_out[key].dtype == wanted[key].dtype for key in wanted)


def forge(folder, **tensors):
    """The tensors of a run's program as somebody else would have them."""
    text = (folder / PROGRAM).read_text()
    kept = read_alone(folder / TENSORS) | {k.replace("__", ":"): v for k, v in tensors.items()}
    rows, stream = [], b""
    for name, values in kept.items():
        stream += b"\0" * (-len(stream) % 64)
        rows.append({"name": name, "shape": list(values.shape), "dtype": values.dtype.name,
                     "bytes": values.nbytes, "offset": len(stream)})  # fmt: skip
        stream += values.tobytes()
    for file in (PROGRAM, TENSORS):
        (folder / file).unlink()
    draft = ProgramDraft(folder, {"text": text, "time": 0.0, "tensors": rows})
    draft.add(piece(0, stream)[FRAME.size :])
    return folder


INPUTS, TARGET = np.ones((3, 6), np.float32), np.ones(3, np.int64)
FORGED = {
    "a part of it": (
        {"held_out__inputs": INPUTS},
        "needs held_out 'target', and there are: inputs",
    ),
    "another tensor": (
        {"held_out__inputs": INPUTS, "held_out__target": TARGET, "held_out__more": TARGET},
        "there is held_out 'more', which no program takes",
    ),
    "another tensor of the batch": ({"input__more": TARGET}, "there is input 'more', which no"),
    "another type": (
        {"held_out__inputs": INPUTS.astype(np.complex64), "held_out__target": TARGET},
        "'held_out:inputs' is of complex64, and the program takes float32",
    ),
    "another type of the batch": (
        {"input__target": np.zeros(8, np.int8)},
        "'input:target' is of int8, and the program takes int64",
    ),
    "another shape": (
        {"held_out__inputs": np.ones((3, 7), np.float32), "held_out__target": TARGET},
        r"held_out 'inputs' is of shape \[3, 7\], and the program was recorded with \[None, 6\]",
    ),
    "several lengths": (
        {"held_out__inputs": INPUTS, "held_out__target": np.ones(4, np.int64)},
        "held_out tensors are of several lengths .3 of 'inputs', 4 of 'target'",
    ),
    "several lengths of the batch": (
        {"input__target": np.zeros(7, np.int64)},
        "input tensors are of several lengths .8 of 'inputs', 7 of 'target'",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_batch_is_refused_and_it_is_said_why(tmp_path, name):
    tensors, said = FORGED[name]
    with pytest.raises(ProgramError, match=said):
        read_program(forge(stored(tmp_path, "mlp"), **tensors))


def test_one_that_fits_is_read_whoever_wrote_it(tmp_path):
    folder = forge(stored(tmp_path, "mlp"), held_out__inputs=INPUTS, held_out__target=TARGET)
    assert np.array_equal(read_program(folder).held_out["inputs"].numpy(), INPUTS)
