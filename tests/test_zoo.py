"""The zoo: its registry, its loop, its trainings, and how doctors are scored."""

from __future__ import annotations

import ast
import inspect
import math
import sys

import pytest
import torch
from torch import nn

from tests.zoo import CASES, DISEASES, Case, Run, StopRun, train
from tests.zoo.core import Spec
from tests.zoo.loader import TensorLoader
from tests.zoo.practice import PRACTICE
from tests.zoo.scoring import Said, Share, score


def test_every_label_is_a_name_of_the_taxonomy():
    for spec in CASES.values():
        assert spec.diseases | spec.acceptable <= DISEASES.keys(), spec.name
        assert not spec.diseases & spec.acceptable, spec.name
        assert spec.doc or spec.healthy, spec.name
    assert CASES.keys() >= set(PRACTICE)


def test_the_sick_and_only_they_have_diseases_and_a_sibling_without():
    for spec in CASES.values():
        assert spec.healthy != bool(spec.diseases), spec.name
        if spec.sibling:
            twin = CASES[spec.sibling]
            assert twin.sibling == spec.name
            assert twin.healthy != spec.healthy
            assert twin.group == spec.group
        else:
            assert spec.healthy, f"{spec.name} has nothing to be compared with"


def test_a_case_stands_in_the_file_of_one_of_its_diseases():
    for spec in CASES.values():
        if not spec.healthy:
            groups = {DISEASES[disease][0] for disease in spec.diseases}
            assert spec.group in groups | {"activation"}, spec.name


def test_what_a_case_takes_of_other_modules_is_there():
    """Without building all of them, which takes long."""
    for place in sorted({spec.place for spec in CASES.values()}):
        module = sys.modules[place]
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = getattr(module, node.value.id, None)
                if inspect.ismodule(owner):
                    assert hasattr(owner, node.attr), f"{place}: {node.value.id}.{node.attr}"


SHORT = ("bn_batch_of_two", "causal_mask_missing", "noisy_policy_gradient", "vae_digits")


@pytest.mark.parametrize("name", SHORT)
def test_a_seed_makes_the_same_training_and_another_seed_another(name):
    first, again, other = (
        train(CASES[name].build(seed), max_steps=3, eval_every=2) for seed in (4, 4, 5)
    )
    assert repr(first.losses) == repr(again.losses)  # as text: nan is nan
    assert repr(first.evals) == repr(again.evals)
    assert len(first.losses) == 3
    assert [step for step, *_ in first.evals] == [0, 2, 3]
    assert repr(first.evals) != repr(other.evals)


def test_siblings_differ_by_the_fault_alone():
    """Here the rate: data, order and weights are the same."""
    sick, well = (CASES[name].build(3) for name in ("dead_relu_high_lr", "dead_relu_high_lr__ok"))
    pairs = zip(sick.model.parameters(), well.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    ours, theirs = train(sick, max_steps=1), train(well, max_steps=1)
    assert ours.losses == theirs.losses
    assert torch.equal(ours.batch[0], theirs.batch[0])
    gradients = ([p.grad for p in run.model.parameters()] for run in (ours, theirs))
    assert all(map(torch.equal, *gradients))
    weights = zip(sick.model.parameters(), well.model.parameters(), strict=True)
    assert not any(torch.equal(a, b) for a, b in weights)


def test_a_sick_training_shows_its_fault_and_its_sibling_does_not():
    """The first layer's gradient over the last's, at the first step."""
    ratios = {}
    for name in ("vanish_sigmoid_mlp", "vanish_sigmoid_mlp__ok"):
        weights = [p for p in _first_step(name).model.parameters() if p.dim() > 1]
        ratios[name] = float(weights[0].grad.norm() / weights[-1].grad.norm())
    assert ratios["vanish_sigmoid_mlp"] < 1e-5
    assert ratios["vanish_sigmoid_mlp__ok"] > 0.1


def _first_step(name: str) -> Run:
    return train(CASES[name].build(0), max_steps=1)


def _tiny(**fields) -> Case:
    """One weight w = 1; the loss of a step is w, so that its gradient is 1."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    sgd = torch.optim.SGD(model.parameters(), 0.1)
    loader = TensorLoader(torch.ones(4, 1), torch.zeros(4, 1), 2, "sequential")
    given = {"loss_fn": lambda out, _y: out.mean(), "steps": 4, **fields}
    return Case(model, sgd, train_loader=loader, val_loader=loader, **given)


@pytest.mark.parametrize(
    ("fields", "weights"),
    [
        ({}, [0.9, 0.8, 0.7, 0.6]),
        ({"zero_grad_every": None}, [0.9, 0.7, 0.4, 0.0]),  # 1, 2, 3, 4 gradients at a time
        ({"zero_grad_every": 2}, [1.0, 0.8, 0.8, 0.6]),  # two are gathered for one step
        ({"grad_clip": 0.5}, [0.95, 0.9, 0.85, 0.8]),
    ],
)
def test_the_loop_makes_the_mistakes_of_its_case(fields, weights):
    seen = []
    train(_tiny(**fields), on_step=lambda run: seen.append(run.model.weight.item()))
    assert seen == pytest.approx(weights, abs=1e-6)


def test_callbacks_come_in_order_and_see_gradients_before_clipping():
    seen, norms = [], []

    def heard(what):
        return lambda run: seen.append((what, run.step))

    train(
        _tiny(steps=2, grad_clip=0.5),
        on_start=heard("start"),
        on_eval=heard("eval"),
        on_backward=lambda run: norms.append((run.grad_norm, run.model.weight.item())),
        on_step=heard("step"),
        on_end=heard("end"),
        eval_every=2,
    )
    order = [("start", 0), ("eval", 0), ("step", 1), ("step", 2), ("eval", 2), ("end", 2)]
    assert seen == order
    assert norms == [(1.0, 1.0), (1.0, pytest.approx(0.95))]


def test_modes_are_those_of_the_case():
    def modes(**fields):
        seen = []
        case = _tiny(steps=1, **fields)
        case.model.register_forward_hook(lambda module, *_: seen.append(module.training))
        train(case)
        return seen  # validation, training, validation; two batches a validation

    assert modes() == [False, False, True, False, False]
    assert modes(train_mode=False) == [False] * 5
    assert modes(eval_mode=False) == [True] * 5


def test_a_training_without_a_number_for_a_loss_stops_and_a_callback_may_stop_it():
    lost = _tiny(steps=9, loss_fn=lambda out, _y: out.mean() * math.nan)
    run = train(lost, nonfinite_patience=3)
    assert (len(run.losses), run.stopped) == (3, "nonfinite")

    def stop(run):
        if run.step == 2:
            raise StopRun("enough")

    run = train(_tiny(), on_step=stop)
    assert (len(run.losses), run.stopped) == (2, "enough")


def _case(name, *diseases, sibling=None, acceptable=(), onset=0):
    return Spec(
        name,
        builder=lambda seed: None,
        healthy=not diseases,
        diseases=frozenset(diseases),
        acceptable=frozenset(acceptable),
        sibling=sibling,
        onset=onset,
    )


CLINIC = {
    spec.name: spec
    for spec in (
        _case("one", "dead_relu", sibling="one__ok", acceptable=["lr_too_high"], onset=5),
        _case("one__ok", sibling="one"),
        _case("two", "overfitting", "label_noise", sibling="two__ok"),
        _case("two__ok", sibling="two"),
        _case("well", acceptable=["plateau"]),
    )
}


def said(**steps: int) -> list[Said]:
    return [Said(disease, step) for disease, step in steps.items()]


def test_scores_are_those_counted_by_hand():
    reports = {
        ("one", 0): said(lr_too_high=2, dead_relu=25),  # whole, but not first
        ("one", 1): said(lr_too_high=2),  # detected only
        ("one__ok", 0): [],
        ("one__ok", 1): said(plateau=3),  # an alarm
        ("two", 0): said(overfitting=50, label_noise=10, nan_inputs=1),  # whole, and one stray
        ("two__ok", 0): said(label_noise=7),  # an alarm, that spoils the pair
        ("well", 0): said(plateau=1),  # acceptable
    }
    found = score(reports, dict.fromkeys(reports, 100), CLINIC)
    assert found.full.value == pytest.approx(2 / 3)
    assert found.first.value == pytest.approx(1 / 3)
    assert found.detected == Share(1.0, 1.0, 1.0, 3)
    assert found.paired.value == pytest.approx(1 / 3)
    assert found.alarmed.value == pytest.approx(2 / 4)
    assert found.alarmed_alone == Share(0.0, 0.0, 0.0, 1)
    assert found.delay_steps == 15  # of 20 and 10
    assert found.delay_share == pytest.approx(0.15)
    assert found.misses == {("one", 1): ("dead_relu",)}
    assert found.alarms == {("one__ok", 1): ("plateau",), ("two__ok", 0): ("label_noise",)}
    assert found.strays == {("two", 0): ("nan_inputs",)}


def test_recall_and_precision_of_each_disease_by_hand():
    reports = {
        ("one", 0): said(dead_relu=1),
        ("one", 1): [],
        ("two", 0): said(overfitting=1, dead_relu=2),
    }
    found = score(reports, dict.fromkeys(reports, 10), CLINIC)
    dead, over, noise = (found.diseases[n] for n in ("dead_relu", "overfitting", "label_noise"))
    assert (dead.runs, dead.recall, dead.named, dead.precision) == (2, 0.5, 2, 0.5)
    assert (over.recall, over.precision) == (1, 1)
    assert noise.recall == 0
    assert math.isnan(noise.precision)
    assert found.macro_recall == pytest.approx(0.5)
    assert found.macro_precision == pytest.approx(0.75)


def test_intervals_resample_cases_and_not_runs():
    """Ten seeds of one case that fails and one of a case that does not: all or nothing."""
    reports = {("one", seed): [] for seed in range(10)} | {
        ("two", 0): said(overfitting=1, label_noise=1)
    }
    found = score(reports, dict.fromkeys(reports, 10), CLINIC).full
    assert found == Share(pytest.approx(1 / 11), 0.0, 1.0, 11)
