import shutil

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adam

from diagnostics import Run, Subject
from diagnostics.treatment.course import run
from diagnostics.treatment.of_subject import training_of
from diagnostics.treatment.patients import patients
from diagnostics.treatment.treat import treat
from probes import Recorder
from probes.folder import FathomError
from tests.diagnostics.treatment.treated import points, stack

STEPS = 24


def recorded(folder, optimizer, clip=0.0, **how):
    """Full-batch steps of a small model; the model is what it was at the end."""
    model = stack(nn.Tanh())
    x, y = points(64)
    steps = optimizer(model.parameters(), **how)
    options = {"loss": functional.cross_entropy, "batch": (x, y), "held_out": points(32, seed=1)}
    with Recorder(model, steps, folder, every=1, budget=None, **options):
        for _ in range(STEPS):
            steps.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            steps.step()
    return Run(folder), model


@pytest.fixture(scope="module")
def descent(tmp_path_factory):
    """By plain gradient descent, clipped, and with a rate that is far too low."""
    return recorded(tmp_path_factory.mktemp("runs") / "descent", SGD, clip=0.2, lr=1e-3)


def test_the_recorded_run_is_made_again_from_its_first_snapshot(descent):
    folder, model = descent
    subject = folder.subject()
    assert subject.snapshots[0] == 1
    (patient,) = patients(subject, (0, 1), STEPS - 1)  # all seeds are alike
    course = patient.course()
    assert course.clip == pytest.approx(0.2, rel=1e-4)
    run(course, 0, lambda: None)
    ours = dict(zip(course.model.names, course.model.parts, strict=True))
    for name, parameter in model.named_parameters():
        assert torch.allclose(ours[name], parameter, atol=1e-6)


def test_the_run_alone_is_treated_by_what_needs_no_code(descent):
    folder, _ = descent
    found = treat(folder.subject(), ["lr_too_low"], seconds=1e6)
    assert found.winner in ("learning_rate", "adamw")
    assert found.run_steps == STEPS
    assert found.best.validation < 0


def test_settings_are_those_of_the_recording(tmp_path):
    folder, _ = recorded(tmp_path / "run", Adam, lr=0.02, betas=(0.7, 0.9), eps=1e-3)
    group = training_of(folder.subject()).optimizer.param_groups[0]
    assert (group["lr"], group["betas"], group["eps"]) == (0.02, (0.7, 0.9), 1e-3)


def test_an_optimizer_that_is_not_known_is_said(descent, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(descent[0].path, folder)
    told = folder / "run.json"
    told.write_text(told.read_text().replace('"SGD"', '"Adagrad"'))
    with pytest.raises(FathomError, match="trained by Adagrad, which no trial can repeat"):
        training_of(Run(folder).subject())


def test_a_subject_in_memory_has_no_optimizer():
    subject = Subject(stack(), functional.cross_entropy, points())
    with pytest.raises(FathomError, match="knows no optimizer; give a Training"):
        training_of(subject)
