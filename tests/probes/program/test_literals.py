from __future__ import annotations

import json
import math

import pytest
import torch

from probes.folder import ProgramError
from probes.program.literals import DTYPES, read_literal, references, replaced, write_literal


@pytest.mark.parametrize(
    "value",
    [
        *(math.inf, -math.inf, "tanh", "", torch.float32, torch.bfloat16, torch.complex128),
        *(torch.contiguous_format, torch.channels_last_3d),
    ],
)
def test_what_json_lacks_makes_the_round_trip(value):
    assert read_literal(json.loads(json.dumps(write_literal(value)))) == value


def test_nan_too():
    assert math.isnan(read_literal(write_literal(math.nan)))


@pytest.mark.parametrize("value", [None, True, 3, -2.5])
def test_what_json_has_stands_as_it_is(value):
    assert write_literal(value) is value


@pytest.mark.parametrize("value", [object(), 3j, b"x", torch.device("cpu"), {}])
def test_other_things_are_no_literals(value):
    with pytest.raises(TypeError, match="a literal of type"):
        write_literal(value)


@pytest.mark.parametrize(
    "tagged",
    [
        *({}, {"dtype": "object"}, {"dtype": "__class__"}, {"float": "1e9"}, {"float": 1.0}),
        *({"text": "x" * 100}, {"text": ["a"]}, {"memory_format": "strided"}, {"pickle": "x"}),
        *({"memory_format": []}, {"text": "a", "dtype": "float32"}),
    ],
)
def test_a_tag_that_is_none_of_ours_is_refused(tagged):
    with pytest.raises(ProgramError, match="is no literal; there are text, float"):
        read_literal(tagged)


def test_dtypes_are_torchs():
    assert all(isinstance(dtype, torch.dtype) for dtype in DTYPES.values())


def test_references_in_an_argument():
    assert [*references("%a")] == ["%a"]
    assert [*references(["%a", 2, "input:x", {"text": "no"}])] == ["%a", "input:x"]
    assert [*references({"text": "%a"})] == [*references(None)] == []
    assert replaced(["%a", 2, {"text": "%a"}], {"%a": "%b"}.get) == ["%b", 2, {"text": "%a"}]
