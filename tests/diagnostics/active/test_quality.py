"""Of recorded runs: on their batch, on held-out data, by draws, beside data of another kind."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.active.quality import FLATTERS, Ask, quality_key, quality_of
from diagnostics.active.wish import Wish
from diagnostics.calibration import Calibration, calibration
from diagnostics.coverage import Coverage
from diagnostics.selective import Selective
from diagnostics.store import load, saved
from probes import Recorder
from probes.folder import FathomError
from tests.diagnostics.test_store import assert_same

HELD = Wish(held_out="recorded")


def record(folder, outputs, loss, batch, held_out):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, outputs))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    with Recorder(model, optimizer, folder, loss=loss, batch=batch, held_out=held_out):
        for _ in range(5):
            optimizer.zero_grad()
            loss(model(batch[0]), batch[1]).backward()
            optimizer.step()
    return Run(folder), model.eval()


def examples(count, seed):
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))


def classes(x):
    return x.argmax(1)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    x, other = examples(60, 1), examples(90, 2)
    batch, held_out = (x, classes(x)), (other, classes(other))
    folder = tmp_path_factory.mktemp("runs") / "classes"
    return record(folder, 3, functional.cross_entropy, batch, held_out)


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    x, other = examples(60, 1), examples(90, 2)
    folder = tmp_path_factory.mktemp("runs") / "values"
    return record(folder, 1, functional.mse_loss, (x, x[:, :1]), (other, other[:, :1]))


def predicted(model, x):
    with torch.no_grad():
        return model(x).double().numpy()


def strangers():
    return 20 * examples(30, 3), torch.zeros(30, dtype=torch.long)


def test_one_logit_is_read_as_such_where_the_recorded_loss_says_so(tmp_path):
    x, other = examples(60, 1), examples(90, 2)
    batch, held_out = ((x[:, :1] > 0).float(), (other[:, :1] > 0).float())
    loss = nn.BCEWithLogitsLoss()
    run, model = record(tmp_path / "binary", 1, loss, (x, batch), (other, held_out))
    found = quality_of(run, HELD, Ask())
    chances = 1 / (1 + np.exp(-predicted(model, other)))
    wanted = calibration(np.hstack([1 - chances, chances]), held_out.numpy()[:, 0].astype(int))
    assert found.calibration.equal_mass.ece == pytest.approx(wanted.equal_mass.ece, abs=1e-6)
    assert found.calibration.accuracy == wanted.accuracy


def test_held_out_classes_are_scored_as_the_network_predicts_them(classifier):
    run, model = classifier
    found = quality_of(run, HELD, Ask())
    x = examples(90, 2)
    logits = predicted(model, x)
    exact = calibration(softmax(logits, 1), classes(x).numpy(), logits=logits)
    assert found.calibration.examples == 90
    assert found.calibration.equal_mass.ece == pytest.approx(exact.equal_mass.ece, rel=1e-5)
    assert found.calibration.temperature.value == pytest.approx(exact.temperature.value, rel=1e-4)
    assert_same(
        load(run.path, Calibration, "step5_none_recorded.held.out_plain"), found.calibration
    )
    told = found.calibration.about.data
    assert told == "90 held-out examples of the recording; predicted once, dropout off"


def test_scores_of_training_data_are_said_to_flatter(classifier):
    run = classifier[0]
    found = quality_of(run, Wish(), Ask())
    assert found.calibration.examples == 60
    assert FLATTERS in found.calibration.about.data
    assert FLATTERS in found.selective.about.data
    assert "step5_none_plain" in saved(run.path, Selective)


def test_draws_are_averaged_and_have_no_temperature(classifier):
    run = classifier[0]
    found = quality_of(run, HELD, Ask(draws=8, seed=4))
    drawn = run.subject().held_out.draws(8, seed=4).values
    mean = softmax(drawn.astype(float), -1).mean(0)
    assert found.calibration.confidence == pytest.approx(mean.max(1).mean(), rel=1e-6)
    assert found.calibration.temperature is None
    assert "mean of 8 draws of dropout" in found.calibration.about.data
    assert "step5_none_recorded.held.out_drawn" in saved(run.path, Calibration)


@pytest.mark.parametrize(("name", "there"), [("off", "'2' at a rate of 0"), ("bare", "none")])
def test_a_network_without_dropout_is_not_said_to_be_averaged_over_it(classifier, name, there):
    wish = Wish(subject=f"tests.diagnostics.active.test_quality:{name}")
    with pytest.raises(FathomError, match=f"no dropout takes part .*{there}.*predict once"):
        quality_of(classifier[0], wish, Ask(draws=5))


def off():
    model, loss, batch = live()
    model[2].p = 0.0
    return model, loss, batch


def bare():
    model, loss, batch = live()
    model[2] = nn.Identity()
    return model, loss, batch


def test_data_of_another_kind_are_told_apart(classifier, monkeypatch):
    run = classifier[0]
    ask = Ask(beside="tests.diagnostics.active.test_quality:strangers")
    found = quality_of(run, HELD, ask).selective.strangers
    assert found.other.sum() == 30
    assert found.own.sum() == 90
    assert found.auroc.value < 0.5  # far from all it knows it is surer, as such networks are
    (key,) = [each for each in saved(run.path, Selective) if "vs" in each]
    assert key == quality_key(run.subject().about, HELD, ask)
    assert load(run.path, Selective, key).strangers is not None


def test_values_need_their_noise(regression):
    run = regression[0]
    with pytest.raises(FathomError, match=r"noise=0\.1"):
        quality_of(run, HELD, Ask())
    found = quality_of(run, HELD, Ask(noise=0.7))
    assert found.coverage.sharpness.value == pytest.approx(0.7)
    assert found.selective is None
    assert saved(run.path, Coverage)


def test_noise_is_estimated_from_the_recorded_batch_if_that_is_asked(regression):
    run, model = regression
    x = examples(60, 1)
    residual = np.sqrt(((predicted(model, x) - x[:, :1].numpy()) ** 2).mean())
    found = quality_of(run, HELD, Ask(noise="residuals")).coverage
    assert found.sharpness.value == pytest.approx(residual, rel=1e-5)
    assert "residual of the recorded batch" in found.about.data
    same = quality_of(run, Wish(), Ask(noise="residuals")).coverage
    assert same.dispersion.factor == pytest.approx(1, rel=1e-6)
    assert "these examples themselves" in same.about.data
    with pytest.raises(FathomError, match="give a number instead"):
        quality_of(run, Wish(), Ask(noise="residuals", draws=5))


def test_draws_of_values_have_spread_and_noise(regression):
    run = regression[0]
    found = quality_of(run, HELD, Ask(draws=10, noise=0.5))
    drawn = run.subject().held_out.draws(10).values[..., 0].astype(float)
    sigma = np.sqrt(drawn.var(0, ddof=1) + 0.25)
    assert found.coverage.sharpness.value == pytest.approx(np.sqrt((sigma**2).mean()), rel=1e-5)
    assert found.selective is not None


def test_a_standard_deviation_for_all_tells_no_strangers(regression):
    ask = Ask(noise=1.0, beside="tests.diagnostics.active.test_quality:other_values")
    with pytest.raises(FathomError, match="tells no data apart"):
        quality_of(regression[0], HELD, ask)


def other_values():
    return examples(10, 5), torch.zeros(10, 1)


@pytest.mark.parametrize("ask", [Ask(noise=0.1), Ask(noise="residuals"), Ask(output=1)])
def test_what_is_of_values_is_refused_for_classes(classifier, ask):
    with pytest.raises(FathomError, match="of values, and logits are classes"):
        quality_of(classifier[0], HELD, ask)


def test_what_would_be_asked_in_vain_is_refused(classifier, regression):
    with pytest.raises(FathomError, match=r"^noise=0\.1 is of values"):
        quality_of(classifier[0], HELD, Ask(noise=0.1))
    with pytest.raises(FathomError, match="uncertainty 'confidence' is of classes"):
        quality_of(regression[0], HELD, Ask(noise=0.1, doubt="confidence"))
    with pytest.raises(FathomError, match="the network gives its own"):
        quality_of(regression[0], HELD, Ask(noise=0.1, outputs="mean, log variance"))


def test_a_model_in_memory_is_scored_at_a_snapshot(classifier):
    run = classifier[0]
    wish = Wish(subject="tests.diagnostics.active.test_quality:live", held_out="recorded")
    with pytest.raises(FathomError, match="no held-out data"):
        quality_of(run, wish, Ask())
    found = quality_of(run, replace(wish, held_out=""), Ask()).calibration
    own = quality_of(run, Wish(), Ask()).calibration
    assert found.equal_mass.ece == pytest.approx(own.equal_mass.ece, rel=1e-4)


def live():
    x = examples(60, 1)
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    return model, functional.cross_entropy, (x, classes(x))


def test_the_key_tells_what_was_predicted_how_and_on_what(classifier):
    about = classifier[0].subject().about
    keys = {
        quality_key(about, wish, ask)
        for wish in (Wish(), HELD, Wish(held_out="a.b:c"))
        for ask in (Ask(), Ask(draws=5), Ask(output=2), Ask(beside="a:b"))
    }
    assert len(keys) == 12
    assert "step5_none_plain" in keys
