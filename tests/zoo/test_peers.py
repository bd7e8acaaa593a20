"""The peers' rules against steps made by hand, on both sides of each published threshold."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from benchmarks.doctor_autotrainer import AutoTrainer
from benchmarks.doctor_deepchecker import DeepChecker
from benchmarks.doctor_observer import Observer, Passed, Step
from benchmarks.doctor_peers import Word, kindly
from benchmarks.doctor_runs import PEERS
from benchmarks.doctor_sagemaker import SageMaker
from tests.zoo import CASES, DISEASES, train
from tests.zoo.scoring import Said


def step(at=50, *, loss=1.0, gradient=0.1, change=1e-3, passed=None, metric=0.5) -> Step:
    """One weight of ten numbers between 1 and 2, its gradient and its move."""
    weight = torch.linspace(1, 2, 10).view(2, 5)
    return Step(
        at,
        loss,
        before={"0.weight": weight},
        after={"0.weight": weight * (1 - change)},
        gradients={"0.weight": gradient * weight},
        saved=True,
        passed={"1": passed} if passed else {},
        output=None,
        batch=(torch.zeros(2, 5), torch.zeros(2)),
        metric=metric,
    )


def through(function: type[nn.Module], given: torch.Tensor) -> Passed:
    return Passed(function, given, function()(given))


def units(value: float, share: float) -> torch.Tensor:
    """[row, unit]: this share of a hundred units is given the value, the others 0.5."""
    row = torch.full((100,), 0.5)
    row[: round(100 * share)] = value
    return row.expand(20, -1)


@pytest.mark.parametrize(
    ("rule", "fires", "silent"),
    [
        ("VanishingGradient", {"gradient": 5e-8}, {"gradient": 2e-7}),
        ("ExplodingTensor", {"gradient": float("inf")}, {"gradient": 1e30}),
        ("WeightUpdateRatio large", {"change": 11.0}, {"change": 9.0}),
        ("WeightUpdateRatio small", {"change": 0.0}, {"change": 1e-6}),
        (
            "DeadRelu",
            {"passed": through(nn.ReLU, units(-1, 0.51))},
            {"passed": through(nn.ReLU, units(-1, 0.49))},
        ),
        (
            "SaturatedActivation",
            {"passed": through(nn.Tanh, units(9.6, 0.51))},
            {"passed": through(nn.Tanh, units(9.4, 1.0))},
        ),
    ],
)
def test_sagemaker_speaks_past_its_defaults_and_not_before(rule, fires, silent):
    assert (rule in _heard(SageMaker(), fires), rule in _heard(SageMaker(), silent)) == (
        True,
        False,
    )


def _heard(peer, given) -> set[str]:
    peer.step(step(**given))
    return {word.rule for word in peer.words}


def test_sagemaker_compares_a_loss_with_the_newest_ten_steps_behind():
    peer = SageMaker()
    for at, loss in ((20, 3.0), (25, 0.5), (35, 1.0)):  # 35 is compared with 25: it is higher
        peer.step(step(at, loss=loss))
    assert [word for word in peer.words if word.rule == "LossNotDecreasing"] == [
        Word("LossNotDecreasing", 35)
    ]


def _validated(peer, losses: list[float], validation: float) -> None:
    for loss in losses:
        peer.step(step(loss=loss))
    peer.validated(SimpleNamespace(step=1, val_loss=validation, val_metric=0.9))


def test_sagemaker_calls_overfit_what_is_a_tenth_above_for_more_than_one_validation():
    peer = SageMaker()
    _validated(peer, [1.0, 3.0], 2.3)
    assert "Overfit" not in {word.rule for word in peer.words}
    _validated(peer, [1.0, 3.0], 2.3)
    assert "Overfit" in {word.rule for word in peer.words}


def _autotrainer(metrics: list[float], gradients: list[float]) -> set[str]:
    """Ten epochs of one step: accuracy in both, and the gradients of two layers."""
    peer, weight = AutoTrainer(), torch.ones(1, 1)
    peer.epochs = len(metrics)
    for metric in metrics:
        one = step(metric=metric)
        one.gradients = {f"{n}.weight": g * weight for n, g in enumerate(gradients)}
        peer.step(one)
        peer.validated(SimpleNamespace(step=1, val_loss=1.0, val_metric=metric))
    return {word.rule for word in peer.words}


RISING, FLAT = [0.72, 0.75, 0.8, 0.85, 0.9], [0.5, 0.505, 0.5, 0.505, 0.5]
SWINGING = [0.9, 0.8, 0.9, 0.8, 0.9, 0.8, 0.9]


@pytest.mark.parametrize(
    ("metrics", "gradients", "rules"),
    [
        (RISING, [1, 1], set()),
        (FLAT, [1, 1], {"not_converge"}),
        (FLAT, [9e-5, 1], {"vanish"}),
        (FLAT, [9e-5, 0.08], {"not_converge"}),  # small, but not beside the last
        (FLAT, [71, 1], {"explode"}),
        (FLAT, [0, 0], {"relu"}),
        (RISING, [71, 1], set()),  # it learns
        (SWINGING, [1, 1], {"unstable"}),
    ],
)
def test_autotrainer_names_a_cause_only_where_accuracy_is_bad(metrics, gradients, rules):
    assert _autotrainer(metrics, gradients) == rules


def _deepchecker(steps: list[Step]) -> set[str]:
    peer = DeepChecker()
    peer.classes, peer.task, peer.target = 0, "", torch.zeros(2)
    for one in steps:
        peer.step(one)
    return {word.rule for word in peer.words}


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"change": 0.2}, "fast"),  # log10 above -1
        ({"change": 5e-5}, "slow"),  # and below -4
        ({"change": 0.0}, "untrained"),
        ({"gradient": 5e-7}, "vanishing gradient"),
        ({"gradient": 1e6}, "exploding gradient"),
        ({"loss": float("nan")}, "not finite"),
        ({"passed": through(nn.ReLU, units(-1, 0.51))}, "dead layer"),
        ({"passed": through(nn.Tanh, units(2, 0.51))}, "saturated layer"),
        ({"passed": through(nn.GELU, 9 * torch.randn(99, 9))}, "spread of activations"),
    ],
)
def test_deepchecker_speaks_past_its_settings(given, rule):
    torch.manual_seed(0)
    sound = through(nn.ReLU, 2 * torch.randn(99, 9))
    assert _deepchecker([step(at, passed=sound) for at in range(1, 11)]) == set()
    assert rule in _deepchecker([step(at, **given) for at in range(1, 11)])


def test_deepchecker_wants_the_loss_to_fall_by_a_twentieth_in_each_of_five_periods():
    def periods(factor):
        return [step(at, loss=factor ** ((at - 1) // 10)) for at in range(1, 51)]

    assert "stagnating loss" in _deepchecker(periods(0.96))
    assert "stagnating loss" not in _deepchecker(periods(0.94))


def test_words_are_told_in_the_way_that_is_best_for_the_peer():
    meanings = {
        "overfit": ("overfitting",),
        "slow": ("lr_too_low", "underfitting", "plateau"),
        "unstable": ("loss_spikes", "lr_too_high"),
        "unstable again": ("lr_too_high",),
    }
    words = [Word(rule, step) for step, rule in enumerate(meanings)]
    told = kindly(words, meanings, CASES["lr_high_cnn"])  # plateau is acceptable there
    assert told == [Said("lr_too_high", 2), Said("plateau", 1), Said("overfitting", 0)]
    well = kindly(words, meanings, CASES["lr_high_cnn__ok"])
    assert [said.disease for said in well] == [
        *("overfitting", "lr_too_low", "loss_spikes", "lr_too_high")
    ]


def test_every_meaning_is_a_name_of_the_taxonomy():
    for peer in PEERS:
        assert {name for names in peer.meanings.values() for name in names} <= DISEASES.keys()


@pytest.mark.parametrize("name", ["bn_batch_of_two", "dropout_too_strong"])
def test_to_observe_a_training_changes_nothing(name):
    alone = train(CASES[name].build(1), max_steps=12)
    peers = [peer() for peer in PEERS]
    seen = train(CASES[name].build(1), max_steps=12, **Observer(peers).callbacks)
    assert (seen.losses, seen.evals) == (alone.losses, alone.evals)
    assert any(peer.words for peer in peers)
