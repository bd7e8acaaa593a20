"""What is said under the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dashboard.ensembles.beside import Beside
from dashboard.ensembles.told import SEEN, caption, numbers
from diagnostics.active.ensemble import PlacedEnsemble
from diagnostics.ensemble import ensemble
from tests.dashboard.dropout.ensembles import values as dropped
from tests.dashboard.ensembles.placed import ABOUT, classes, known, on_a_line, values


def test_who_they_are_and_what_averaging_gains() -> None:
    of = values(4)  # slopes 0 to 3, nought to be met: own 14/4, shared (36 - 14)/12, of x squared
    told = caption(of)
    assert told.startswith("Deep ensemble of 4: run0, run1, run2, run3.")
    square = np.mean(np.linspace(-1, 1, 8) ** 2)
    assert f"Averaging 4 takes {square * (3.5 - 2.25):.3g} ±" in told
    assert f"of infinitely many such members {square * 22 / 12:.3g} would stay" in told
    assert "correlate by 0.524" in told  # 22/12 over 14/4
    assert "no total is drawn" in told
    assert "no total is drawn" not in caption(values(noise=0.1))
    assert "Precision: float32." in told


def test_examples_that_were_trained_on_are_told_of() -> None:
    assert SEEN not in caption(values())
    assert SEEN in caption(values(data="8 examples of the recorded batch"))
    assert "no error is drawn" in caption(values(targets=None))


def test_what_is_wrong_is_said_first() -> None:
    alike = known(ensemble(np.ones((3, 8, 1))))
    assert caption(alike).startswith("All 3 members predict the same.")


def test_classes_have_entropies_in_two_parts() -> None:
    told = caption(classes())
    assert "the mutual information, which is the deep-ensemble spread. By tenths" in told
    assert "By tenths" not in caption(classes(examples=10))
    assert "Brier score" in told


def test_numbers_have_their_errors() -> None:
    of = values(4, noise=0.5)
    named = {each.name: each for each in numbers(of)}
    assert named["members"].value == 4
    average = of.uncertainty.average
    spread = named["deep-ensemble spread"]
    assert (spread.value, spread.error) == (average.value, average.error)
    assert of.gain
    assert of.likelihood
    assert named["gained"].value == of.gain.gained.value[-1]
    assert named["squared error, their mean"].error == of.gain.error.error[-1]
    apart = named["root mean square distance"]
    root = np.sqrt(np.mean(np.linspace(-1, 1, 8) ** 2))
    assert apart.value == pytest.approx(root * (3 * 1 + 2 * 2 + 1 * 3) / 6)
    assert apart.meaning.endswith(f"from {root:.3g} to {3 * root:.3g}")
    assert named["limit"].value == of.gain.limit.value
    assert named["log likelihood"].value == of.likelihood.mean.value
    single = named["log likelihood, one member"]
    assert single.value == pytest.approx(of.member_log_likelihood.mean())
    assert "(run3) to" in single.meaning
    assert single.meaning.endswith("(run0)")
    assert "gained" not in {each.name for each in numbers(values(targets=None))}


def test_on_a_line_both_spreads_are_told() -> None:
    spreads = [each for each in numbers(on_a_line()) if each.name == "deep-ensemble spread"]
    assert ["examples" in each.meaning for each in spreads] == [True, False]
    assert "21 even places" in spreads[1].meaning
    assert "Drawn at 21 even places" in caption(on_a_line())


def test_dropout_beside_is_told_in_the_same_numbers() -> None:
    dropout = replace(dropped(draws=20, examples=8, noise=0.5, targets=np.zeros(8)), about=ABOUT)
    both = Beside(PlacedEnsemble(values(noise=0.5), None), dropout)
    named = {each.name: each for each in numbers(both)}
    assert named["dropout ensemble, 20 draws"].value == dropout.uncertainty.average.value
    assert dropout.likelihood
    mean = dropout.likelihood.mean.value
    assert named["log likelihood, dropout ensemble, 20 draws"].value == mean
    assert caption(both).count("the log likelihood tells which fits") == 1
    silent = Beside(PlacedEnsemble(values(), None), dropout)
    assert "a larger spread is not a better one." in caption(silent)


def test_errors_that_are_not_finite_are_said_to_be_so() -> None:
    targets = np.zeros((8, 1))
    targets[0] = np.nan
    told = caption(values(targets=targets))
    assert "not finite, so no error is drawn" in told
    assert "nan" not in told
    assert not [each for each in numbers(values(targets=targets)) if "error" in each.name]


def test_of_a_single_example_no_area_is_told_of() -> None:
    one = known(ensemble(np.arange(3.0)[:, None, None], targets=np.zeros((1, 1))))
    assert "Averaging" in caption(one)
    assert "area about the error" not in caption(one)
    assert "area about the error" in caption(values())
