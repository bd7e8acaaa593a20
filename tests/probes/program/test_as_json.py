from __future__ import annotations

import json
import math

import pytest

from probes.folder import NotRecordable, ProgramError
from probes.program import as_json
from probes.program.as_json import LARGEST, LONGEST, from_json, to_json
from probes.program.form import Graph, Node, Program, TensorSpec
from tests.probes.program.models import MODELS, program_of

SMALL = Program(
    {
        "input:x": TensorSpec("input", "x", (None, 3), "float32"),
        "parameter:w": TensorSpec("parameter", "w", (3,), "float32", trainable=True),
    },
    {
        "eval": Graph(
            (
                Node("m", "mul.Tensor", ("input:x", "parameter:w"), {}, "bfloat16"),
                Node("z", "full_like.default", ("%m", {"float": "inf"}), {"dtype": None}),
                Node("l", "sum.default", ("%z",)),
            ),
            {"loss": "%l"},
        )
    },
    batch=4,
    dynamic=True,
    reduction="sum",
    checked={"eval/loss": 0.1 + 0.2},
    notes=("a <note> — of any kind",),
)


def test_a_program_makes_the_round_trip():
    assert from_json(to_json(SMALL)) == SMALL
    assert from_json(to_json(SMALL).encode()) == SMALL


@pytest.mark.parametrize("name", MODELS)
def test_every_models_program_makes_the_round_trip(name):
    program = program_of(name)[1].program
    assert from_json(to_json(program)) == program


def test_what_stands_in_the_file():
    content = json.loads(to_json(SMALL))
    assert content["format"] == "fathom-program"
    assert content["tensors"][0] == ["input", "x", [None, 3], "float32", False]
    assert content["graphs"]["eval"]["nodes"][2] == ["l", "sum.default", ["%z"]]
    assert content["batch"] == {"size": 4, "dynamic": True, "reduction": "sum"}


def test_numbers_that_json_lacks_are_never_written():
    program = Program(SMALL.tensors, SMALL.graphs, 4, dynamic=True, checked={"loss": math.nan})
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(program)


def test_a_long_note_is_cut_so_that_it_reads_again():
    program = Program(SMALL.tensors, SMALL.graphs, 4, dynamic=True, notes=("n" * 5000,))
    assert from_json(to_json(program)).notes == ("n" * LONGEST,)


def test_a_program_too_large_to_be_read_is_not_written(monkeypatch):
    monkeypatch.setattr(as_json, "LARGEST", 100)
    with pytest.raises(NotRecordable, match="none may be larger than 100"):
        to_json(SMALL)


def test_too_large_a_text_is_not_even_parsed():
    with pytest.raises(ProgramError, match=f"none is larger than {LARGEST}"):
        from_json("[" * (LARGEST + 1))


def test_a_later_version_is_named():
    content = json.loads(to_json(SMALL)) | {"version": 7}
    with pytest.raises(ProgramError, match="of version 7, and this Fathom reads version 1"):
        from_json(json.dumps(content))
