from __future__ import annotations

import math
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from probes.made_by import FUNCTIONS, maker_of, node_of

X = torch.linspace(-2, 2, 24).reshape(4, 6).requires_grad_()
LAYER = nn.Linear(6, 3)
MADE = {
    "Sigmoid": X.sigmoid(),
    "Tanh": torch.tanh(X),
    "Softmax": functional.softmax(X, 1),
    "LogSoftmax": X.log_softmax(0),
    "ReLU": functional.relu(X),
    "Softplus": functional.softplus(X),
    "Hardsigmoid": functional.hardsigmoid(X),
    "LogSigmoid": functional.logsigmoid(X),
    "Exp": X.exp(),
    "Linear": LAYER(X),
}


@pytest.mark.parametrize("name", MADE)
def test_functions_go_by_the_names_of_nn_and_keep_within_their_limits(name):
    maker = maker_of(MADE[name])
    assert maker.name == name
    low, high = maker.limits
    assert bool((MADE[name] >= low).all())
    assert bool((MADE[name] <= high).all())


def test_all_functions_are_tested():
    assert {name for name, _ in FUNCTIONS.values()} == set(MADE)


@pytest.mark.parametrize("limit", [0, 1])
@pytest.mark.parametrize(
    ("name", "far"),
    [("Sigmoid", torch.sigmoid), ("Tanh", torch.tanh), ("LogSoftmax", lambda x: x.log_softmax(0))],
)
def test_limits_are_the_nearest_there_are(name, far, limit):
    x = torch.tensor([[-1e4], [1e4]], dtype=torch.float64)
    made = far(x).flatten()[limit]
    bound = maker_of(MADE[name]).limits[limit]
    assert made == pytest.approx(bound, abs=1e-6) or (math.isinf(bound) and made < -1e4)


PASSED_ON = {
    "flatten": lambda x: x.flatten(),
    "squeeze": lambda x: x[:, None].squeeze(1),
    "transpose": lambda x: x.t(),
    "permute": lambda x: x.permute(1, 0),
    "other type": lambda x: x.double(),
    "copy": lambda x: x.t().reshape(-1),
    "slice": lambda x: x[:, :-1].reshape(-1, 2),
    "choice": lambda x: x[torch.tensor([True, False, True, True])],
    "expand": lambda x: torch.broadcast_tensors(x, torch.zeros(2, 4, 3))[0],
    "three axes": lambda x: x.view(2, 2, 3).flatten(0, 1).unsqueeze(0),
    "split": lambda x: x.split(2)[1],
}


@pytest.mark.parametrize("way", PASSED_ON)
def test_who_made_it_is_seen_behind_views_and_copies(way):
    answer = LAYER(X).sigmoid()
    seen = maker_of(PASSED_ON[way](answer))
    assert seen.name == "Sigmoid"
    assert seen.nodes[-1] == node_of(answer)


def test_what_is_computed_from_an_answer_is_not_the_answer():
    answer = LAYER(X)
    for other in (answer * 2, answer + answer, answer.softmax(1), answer.mean(1), LAYER(X)):
        assert node_of(answer) not in maker_of(other).nodes


def test_a_layer_of_three_axes_is_none_the_less_linear():
    for layer in (LAYER, nn.Linear(6, 3, bias=False)):
        answer = layer(X.view(2, 2, 6))
        assert maker_of(answer.flatten(0, 1)).name == "Linear"
        assert node_of(answer) in maker_of(answer.flatten(0, 1)).nodes


def test_functions_that_are_not_known_go_by_their_nodes():
    assert maker_of(X.sin())[:2] == ("Sin", None)
    assert maker_of(checkpoint(LAYER, X, use_reentrant=True))[:2] == ("CheckpointFunction", None)
    assert maker_of(X) == maker_of(X.detach()) == ("", None, ())
    assert node_of(X) is None


def test_no_graph_is_kept_alive():
    x = torch.ones(3, requires_grad=True)
    inner = x * 2
    saved = inner.exp()
    gone = weakref.ref(saved)
    answer = saved.sigmoid().view(3, 1)
    makers = [maker_of(answer), node_of(answer)]
    del saved, inner, answer
    assert gone() is None
    assert len(makers) == 2
