from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.nn import functional

import probes.foresight
from diagnostics import Run
from probes import Foresight, Recorder
from probes.foresight import ROWS, TRIES
from tests.probes.watching import Watching

VOCABULARY, BATCH, TIME = 12, 16, 9


def text(seed=0, batch=BATCH, time=TIME + 1):
    return torch.randint(0, VOCABULARY, (batch, time), generator=torch.manual_seed(seed))


TEXT = text()
X, Y = TEXT[:, :-1], TEXT[:, 1:]


class Mixing(nn.Module):
    """Adds to each token's vector the mean of those before it, or of all."""

    def __init__(self, *, causal=True):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.head = nn.Embedding(VOCABULARY, 6), nn.Linear(6, VOCABULARY)
        self.drop = nn.Dropout(0.5)
        self.causal, self.calls = causal, 0

    def forward(self, tokens):
        self.calls += 1
        h = self.drop(self.embed(tokens))
        steps = torch.arange(1, tokens.shape[1] + 1)[:, None]
        mean = h.cumsum(1) / steps if self.causal else h.mean(1, keepdim=True)
        return self.head(h + mean)


class Recurrent(nn.Module):
    def __init__(self, *, causal=True):
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(VOCABULARY, 6)
        self.cells = nn.GRU(6, 5, batch_first=True, bidirectional=not causal)
        self.head = nn.Linear(5 if causal else 10, VOCABULARY)

    def forward(self, tokens):
        return self.head(self.cells(self.embed(tokens))[0])


class Attending(nn.Module):
    def __init__(self, *, causal=True):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.head = nn.Embedding(VOCABULARY, 8), nn.Linear(8, VOCABULARY)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.causal = causal

    def forward(self, tokens):
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        h = self.embed(tokens)
        return self.head(self.block(h, src_mask=mask if self.causal else None))


def flat(answers, targets):
    return functional.cross_entropy(answers.flatten(0, 1), targets.flatten())


def asked(model, loss_of, steps=1):
    """What is told of a training: its step, shift and change."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watching(model, optimizer, Foresight()) as rig:
        for step in range(1, steps + 1):
            loss_of(step).backward()
            rig.step()
    events = [(step, json.loads(told)) for step, kind, told in rig.kept.events]
    return [(step, told["shift"], told["change"]) for step, told in events]


@pytest.mark.parametrize("kind", [Mixing, Recurrent, Attending])
@pytest.mark.parametrize("causal", [True, False])
def test_models_that_see_the_next_token_are_told_from_those_that_do_not(kind, causal):
    model = kind(causal=causal)
    ((step, shift, change),) = asked(model, lambda _: flat(model(X), Y), steps=3)
    assert (step, shift) == (1, 1)
    assert change < 1e-5 if causal else change > 0.02


def test_the_change_is_that_of_a_plain_computation():
    model = Mixing(causal=False)
    ((_, _, change),) = asked(model, lambda _: flat(model(X), Y))
    rows, middle = X[:ROWS], TIME // 2
    others = torch.cat([rows.flatten()[-middle - 1 :], rows.flatten()[: -middle - 1]])
    changed = torch.cat([rows[:, :middle], others.view_as(rows)[:, middle:]], 1)
    model.eval()
    with torch.no_grad():
        before, after = (model(tokens)[:, :middle].double() for tokens in (rows, changed))
    expected = (before - after).abs().max() / before.square().mean().sqrt()
    assert change == pytest.approx(float(expected), rel=1e-3)


WAYS = {  # in which targets meet tokens
    "three axes": (lambda m: functional.cross_entropy(m(X).transpose(1, 2), Y), 1),
    "log-softmax": (
        lambda m: functional.nll_loss(m(X).log_softmax(2).flatten(0, 1), Y.flatten()),
        1,
    ),
    "cut in the loss": (lambda m: flat(m(TEXT)[:, :-1], TEXT[:, 1:]), 1),
    "padded": (lambda m: flat(m(X), Y.where(torch.arange(TIME) < 6, -100)), 1),
    "not shifted": (lambda m: flat(m(X), X), 0),
    "not shifted, cut": (lambda m: flat(m(X)[:, :-1], X[:, :-1]), 0),
}


@pytest.mark.parametrize("way", WAYS)
def test_targets_are_found_in_the_tokens(way):
    model = Recurrent()
    loss, shift = WAYS[way]
    assert [found[:2] for found in asked(model, lambda _: loss(model))] == [(1, shift)]


MASKED = torch.arange(TIME) % 4 == 1
OTHERS = {
    "masked": lambda m: flat(m(X.where(~MASKED, 0)), X.where(MASKED, -100)),
    "unmasked": lambda m: flat(m(X), X.where(MASKED, -100)),
    "tags": lambda m: flat(m(X), (X * 5 + 3) % VOCABULARY),
    "backwards": lambda m: flat(m(Y), X),
    "one class a row": lambda m: functional.cross_entropy(m(X).mean(1), X[:, 0]),
    "short": lambda m: flat(m(X[:, :3]), Y[:, :3]),
    "numbers": lambda m: functional.mse_loss(m(X), functional.one_hot(Y, VOCABULARY).float()),
    "no loss": lambda m: m(X).sum(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_tasks_are_left_alone(name):
    model = Mixing(causal=False)
    assert asked(model, lambda _: OTHERS[name](model), steps=TRIES + 1) == []
    assert model.calls == TRIES + 1


class Keyed(Recurrent):
    def forward(self, input_ids, attention_mask=None, labels=None):
        logits = super().forward(input_ids)
        loss = None if labels is None else flat(logits[:, :-1], labels[:, 1:])
        return {"loss": loss, "logits": logits}


class Loss(Recurrent):
    """Answers to the last token alone where it is not told the targets."""

    def forward(self, tokens, targets=None):
        logits = super().forward(tokens)
        if targets is None:
            return logits[:, -1:], None
        return logits, flat(logits, targets)


class Translating(Recurrent):
    """Its first sequence is known from end to end."""

    def __init__(self):
        super().__init__(causal=False)

    def forward(self, source, begun):
        return super().forward(source) + super().forward(begun)


@pytest.mark.parametrize("causal", [True, False])
def test_models_that_take_their_targets(causal):
    keyed = Keyed(causal=causal)
    whole = {"input_ids": X, "attention_mask": torch.ones_like(X), "labels": X}
    ((_, shift, change),) = asked(keyed, lambda _: keyed(**whole)["loss"])
    assert (shift, change > 0.02) == (1, not causal)
    for targets in (Y, Y.contiguous()):
        giving = Loss(causal=causal)
        ((_, shift, change),) = asked(giving, lambda _, g=giving, y=targets: g(X, y)[1])
        assert (shift, change > 0.02) == (1, not causal)


def test_a_second_sequence_is_no_targets():
    model = Translating()
    assert asked(model, lambda _: flat(model(X, Y.flip(1)), Y)) == []


def test_a_row_of_one_token_tells_nothing():
    model, same = Mixing(causal=False), torch.full((4, 8), 3)
    assert asked(model, lambda _: flat(model(same), same)) == []


def test_where_answers_are_nothing_yet_it_asks_again():
    model = Mixing(causal=False)
    for parameter in model.head.parameters():
        nn.init.zeros_(parameter)

    def loss(step):
        found = flat(model(X), Y)
        return found * 0 if step == 1 else found  # it learns nothing in the first step

    ((step, _, change),) = asked(model, loss, steps=4)
    assert step == 2
    assert change > 0.02


def test_a_model_that_fails_when_it_is_asked_is_left_alone(caplog):
    model = Mixing()
    inner = model.forward

    def forward(tokens):
        if not model.training:
            raise RuntimeError("not in evaluation mode")
        return inner(tokens)

    model.forward = forward
    assert asked(model, lambda _: flat(model(X), Y), steps=2) == []
    assert model.training
    assert not caplog.records


def test_several_processes_and_compiled_models_are_left_alone(monkeypatch):
    for name in ("shared_out", "is_compiled"):
        with monkeypatch.context() as patch:
            patch.setattr(probes.foresight, name, lambda *_: True)
            model = Mixing()
            assert asked(model, lambda _, m=model: flat(m(X), Y)) == []
            assert model.calls == 1


def test_a_device_that_tells_late_is_not_waited_for(monkeypatch):
    """The share of targets comes to the host only after the step it was asked in."""

    class Late:
        def __init__(self):
            self.waiting, self.looks = [], 0

        def add(self, values, deliver):
            self.waiting.append((self.looks + 2, values, deliver))

        def collect(self):
            self.looks += 1
            while self.waiting and self.waiting[0][0] < self.looks:
                _, values, deliver = self.waiting.pop(0)
                deliver(values.numpy())

    monkeypatch.setattr(probes.foresight, "Pending", Late)
    model = Mixing(causal=False)
    ((step, shift, change),) = asked(model, lambda _: flat(model(X), Y), steps=6)
    assert step > 2
    assert shift == 1
    assert change > 0.02


def trained(path=None):
    torch.manual_seed(0)
    model = Attending(causal=False)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    recorder = path and Recorder(model, optimizer, path, every=1, probes=[Foresight()])
    losses = []
    for step in range(8):
        tokens = text(step)
        loss = flat(model(tokens[:, :-1]), tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if recorder:
        recorder.close()
    return losses, {k: v.tolist() for k, v in model.state_dict().items()}, torch.get_rng_state()


def test_a_training_with_it_is_bit_for_bit_one_without_and_tells_it_once(tmp_path):
    bare, watched = trained(), trained(tmp_path / "run")
    assert watched[:2] == bare[:2]
    assert torch.equal(watched[2], bare[2])
    assert [event.kind for event in Run(tmp_path / "run").events] == ["foresight"]
