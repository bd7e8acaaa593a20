from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from probes.named_tensors import is_plain, named_tensors, the_answer

A, B, C = (torch.full((2,), float(n)) for n in range(3))


@dataclass
class Output:
    logits: Tensor
    hidden: tuple[Tensor, ...] = ()
    text: str = "words"
    never: Tensor = field(init=False)


Pair = namedtuple("Pair", ["left", "right"])  # noqa: PYI024


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (A, {"m": A}),
        ((A, (B, None), 3), {"m[0]": A, "m[1][0]": B}),
        ([A, [B, [C]]], {"m[0]": A, "m[1][0]": B, "m[1][1][0]": C}),
        ({"x": A, 2: B}, {"m[x]": A, "m[2]": B}),
        (OrderedDict(logits=A, past=(B,)), {"m[logits]": A, "m[past][0]": B}),
        (Output(A, (B, C)), {"m[logits]": A, "m[hidden][0]": B, "m[hidden][1]": C}),
        (Pair(A, "words"), {"m[0]": A}),
        ([[[[A]]]], {"m[0][0][0][0]": A}),
        ([[[[[A]]]]], {}),
        (None, {}),
        ("words", {}),
    ],
)
def test_every_tensor_has_its_place_in_its_name(value, found):
    named = dict(named_tensors("m", value))
    assert named.keys() == found.keys()
    assert all(named[name] is tensor for name, tensor in found.items())


def test_an_lstms_outputs():
    names = [name for name, _ in named_tensors("lstm", nn.LSTM(3, 4)(torch.ones(5, 3)))]
    assert names == ["lstm[0]", "lstm[1][0]", "lstm[1][1]"]


def test_what_holds_itself_comes_to_an_end():
    loop = [A]
    loop.append(loop)
    names = [name for name, _ in named_tensors("m", loop)]
    assert names == ["m[0]", "m[1][0]", "m[1][1][0]", "m[1][1][1][0]"]


def test_a_tensor_that_stands_for_many_or_none_is_not_plain():
    from torch._subclasses.fake_tensor import FakeTensorMode

    kinds = []
    torch.func.vmap(lambda x: kinds.append(is_plain(x)) or x)(torch.ones(2, 2))
    torch.func.grad(lambda x: kinds.append(is_plain(x)) or x.sum())(torch.ones(2))
    with FakeTensorMode():
        kinds.append(is_plain(torch.ones(2)))
    kinds.append(is_plain(torch.ones(2, device="meta")))
    assert kinds == [False] * 4
    assert is_plain(torch.ones(2))
    assert is_plain(nn.Parameter(torch.ones(2)))


class Logits:
    def __init__(self, logits):
        self.logits = logits


NUMBER, ANSWER, OTHER = torch.zeros(()), torch.zeros(2, 3), torch.ones(2, 3)


@pytest.mark.parametrize(
    "output",
    [
        ANSWER,
        (ANSWER, OTHER),
        (NUMBER, ANSWER),
        {"loss": NUMBER, "hidden": ANSWER},
        {"hidden": OTHER, "logits": ANSWER},
        Logits(ANSWER),
        [None, (NUMBER, [ANSWER])],
    ],
)
def test_a_models_answer_is_its_logits_or_the_first_tensor_that_is_no_number(output):
    assert the_answer(output) is ANSWER


def test_a_lone_number_is_an_answer_and_nothing_is_none():
    assert the_answer({"loss": NUMBER}) is NUMBER
    assert the_answer(("text", 3.0)) is None
