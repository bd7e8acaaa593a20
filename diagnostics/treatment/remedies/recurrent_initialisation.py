"""Recurrent matrices drawn orthogonal, and a forget gate that starts open."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import init

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("vanishing_gradient", "exploding_gradient", "bad_init_scale"))
CODE = (
    "for name, parameter in rnn.named_parameters():\n"
    "    if 'weight_hh' in name:\n"
    "        for gate in parameter.data.split(rnn.hidden_size):\n"
    "            nn.init.orthogonal_(gate)"
)


def recurrent_initialisation(case: Case) -> Proposals:
    if any(isinstance(module, nn.RNNBase) for module in case.course.model.modules()):
        yield Change("orthogonal recurrent matrices", CODE, _drawn)


def _drawn(course: Course) -> None:
    recurrent = [each for each in course.model.modules() if isinstance(each, nn.RNNBase)]
    with torch.no_grad():
        for layer in recurrent:
            width = layer.hidden_size
            for name, parameter in layer.named_parameters():
                if "weight_hh" in name:
                    for gate in torch.split(parameter, width):
                        init.orthogonal_(gate)
                elif "bias_hh" in name and isinstance(layer, nn.LSTM):
                    parameter[width : 2 * width] = 1.0
    course.optimizer.state.clear()
