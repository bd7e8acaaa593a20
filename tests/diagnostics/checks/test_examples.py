from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.examples import examples
from diagnostics.checks.setup import Setup
from tests.diagnostics.checks.parts import diseases, labels, mlp, number_of, rows, setup

WORDS, LENGTH = 11, 12
TOKENS = torch.randint(WORDS, (8, LENGTH + 1), generator=torch.Generator().manual_seed(0))
PAIR = (TOKENS[:, :-1], TOKENS[:, 1:])


class Reader(nn.Module):
    """One layer of attention over words."""

    def __init__(self, *, causal=True):
        super().__init__()
        self.words, self.head, self.causal = nn.Embedding(WORDS, 8), nn.Linear(8, WORDS), causal

    def forward(self, tokens):
        x = self.words(tokens)
        return self.head(F.scaled_dot_product_attention(x, x, x, is_causal=self.causal))


class WithLoss(nn.Module):
    """A model that shifts its labels by itself."""

    def __init__(self, *, causal=True):
        super().__init__()
        self.reader = Reader(causal=causal)

    def forward(self, input_ids, labels):
        logits = self.reader(input_ids)
        return {"loss": text_loss(logits[:, :-1], labels[:, 1:]), "logits": logits}


def text_loss(output, target):
    return F.cross_entropy(output.flatten(0, 1), target.flatten())


@pytest.mark.parametrize("causal", [True, False])
def test_answers_may_not_change_with_what_comes_after(causal):
    told = examples(setup(Reader(causal=causal), text_loss, PAIR))
    assert diseases(told) == ([] if causal else ["target_leakage"])
    changed = number_of(told, "after them")
    assert (changed == 0.0) if causal else (changed > 0.1)


@pytest.mark.parametrize("causal", [True, False])
def test_nor_in_a_model_that_shifts_its_labels(causal):
    batch = {"input_ids": TOKENS, "labels": TOKENS.clone()}
    told = examples(Setup(WithLoss(causal=causal), None, batch))
    assert diseases(told) == ([] if causal else ["target_leakage"])


def test_a_reader_of_whole_sentences_may_look_ahead():
    """Where targets are not the inputs one place on."""
    told = examples(setup(Reader(causal=False), text_loss, (PAIR[0], PAIR[0] * 3 % WORDS)))
    assert diseases(told) == []


def test_each_example_for_itself():
    told = examples(setup())
    assert number_of(told, "eval mode") == 0.0
    assert "no example's answer depends on another's." in told.told


def test_batch_normalisation_is_expected_to_mix_in_training():
    model = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
    told = examples(setup(model))
    assert diseases(told) == []
    assert "in training mode it does, as batch normalisation means it to" in told.told


def test_a_mean_over_the_wrong_axis_is_a_hint():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = mlp(16, 8, 4)

        def forward(self, x):
            return self.layers(x - x.mean(0))

    told = examples(setup(Mixed()))
    assert [(f.disease, f.severity) for f in told.findings] == [("target_leakage", "hint")]


def test_it_takes_two():
    with pytest.raises(CannotAsk, match="takes two examples, and the batch holds 1"):
        examples(setup(batch=(rows(1), labels(1))))
    with pytest.raises(CannotAsk, match="no answer for each example"):
        examples(setup(loss=lambda o, t: o.sum(), model=nn.Flatten(0), batch=(rows(), labels())))
