from __future__ import annotations

import copy
import pickle
import warnings
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from probes import FathomError
from tests.probes.integrations import (
    complaint_without,
    gradients_are,
    python,
    recorded_by_example,
    trains_alike,
)

with warnings.catch_warnings():  # of its own dependencies, while it loads
    warnings.simplefilter("ignore")
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from probes.transformers import FathomCallback

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
        self.losses: list[float] = []
        self.fails_at: int | None = None

    def forward(self, x, labels):
        if len(self.losses) == self.fails_at:
            raise ValueError("bad batch")
        logits = self.net(x)
        loss = functional.cross_entropy(logits, labels)
        if self.training:
            self.losses.append(loss.item())
        return {"loss": loss, "logits": logits}


def data(rows=32):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, 8, generator=generator)
    y = torch.randint(0, 3, (rows,), generator=generator)
    return [{"x": a, "labels": b} for a, b in zip(x, y, strict=True)]


def trainer_of(model, folder, *callbacks, **options):
    usual = {"num_train_epochs": 2, "per_device_train_batch_size": 8, "logging_steps": 1}
    usual |= {"use_cpu": True, "report_to": "none", "disable_tqdm": True, "save_strategy": "no"}
    arguments = TrainingArguments(output_dir=str(folder / "out"), **(usual | options))
    start = {"model_init": model} if not isinstance(model, nn.Module) else {"model": model}
    sets = {"train_dataset": data(), "eval_dataset": data()}
    return Trainer(**start, args=arguments, callbacks=list(callbacks), **sets)


def trained(folder, *callbacks, **options):
    torch.manual_seed(0)
    model = Classifier()
    trainer_of(model, folder, *callbacks, **options).train()
    return model


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 2}, {"max_grad_norm": 0}])
def test_training_is_the_same_bit_for_bit(tmp_path, options):
    trains_alike(partial(trained, tmp_path, **options), FathomCallback(tmp_path / "run", every=1))
    steps = 8 // options.get("gradient_accumulation_steps", 1)
    run = Run(tmp_path / "run")
    assert (run.state, run.last_step, run.records) == ("finished", steps, steps)


def test_gradients_are_clipped_and_their_norm_before_is_logged(tmp_path):
    seen = []

    class Watching(TrainerCallback):
        def on_pre_optimizer_step(self, *_, model, **__):
            seen.append([p.grad.norm().item() for p in model.parameters()])

    options = {"max_grad_norm": 0.05, "gradient_accumulation_steps": 2}
    model = trained(tmp_path, FathomCallback(tmp_path / "run", every=1), Watching(), **options)
    run = Run(tmp_path / "run")
    gradients_are(run, model, seen, clipped_to=0.05)
    assert (run.scalar("grad_norm").values > 0.1).all()


def test_what_the_trainer_logs_is_recorded_at_its_step(tmp_path):
    model = Classifier()
    trainer = trainer_of(model, tmp_path, FathomCallback(tmp_path / "run"), eval_strategy="epoch")
    trainer.train()
    run = Run(tmp_path / "run")
    for name in ("loss", "learning_rate", "grad_norm", "eval_loss", "train_loss"):
        told = [(log["step"], log[name]) for log in trainer.state.log_history if name in log]
        found = run.scalar(name)
        assert found.steps.tolist() == [step for step, _ in told]
        assert found.values == pytest.approx([value for _, value in told]), name
    assert run.scalar("loss").values == pytest.approx(model.losses, rel=1e-5)


def test_a_second_training_and_an_evaluation_stay_in_one_run(tmp_path):
    callback = FathomCallback(tmp_path / "run", every=1)
    trainer = trainer_of(Classifier(), tmp_path, callback)
    trainer.train()
    assert callback.recorder is None
    trainer.evaluate()
    trainer.train()
    run = Run(tmp_path / "run")
    assert (run.state, run.last_step) == ("finished", 16)
    assert not (tmp_path / "run-2").exists()


def test_a_checkpoint_goes_on_in_its_folder(tmp_path):
    options = {"save_strategy": "epoch", "num_train_epochs": 1}
    trained(tmp_path, FathomCallback(tmp_path / "run", every=1), **options)
    options["num_train_epochs"] = 3
    trainer = trainer_of(
        Classifier(), tmp_path, FathomCallback(tmp_path / "run", every=1), **options
    )
    trainer.train(resume_from_checkpoint=True)
    assert trainer.state.global_step == Run(tmp_path / "run").last_step == 12


def test_every_new_model_of_a_search_gets_its_own_folder(tmp_path):
    trainer = trainer_of(Classifier, tmp_path, FathomCallback(tmp_path / "run"))
    for _ in range(2):  # as each trial does
        trainer.optimizer = None
        trainer.model_wrapped = trainer.model = trainer.call_model_init()
        trainer.train()
    assert [Run(tmp_path / name).last_step for name in ("run", "run-2")] == [8, 8]


def test_an_old_folder_is_refused_in_a_sentence(tmp_path):
    trained(tmp_path, FathomCallback(tmp_path / "run"))
    with pytest.raises(FathomError, match="already holds a run"):
        trained(tmp_path, FathomCallback(tmp_path / "run"))


def broken(folder, callback):
    model = Classifier()
    model.fails_at = 3
    with pytest.raises(ValueError, match="bad batch"):
        trainer_of(model, folder, callback).train()


def test_an_exception_inside_the_with_ends_the_run_as_failed(tmp_path):
    model, fathom = Classifier(), FathomCallback(tmp_path / "run", every=1)
    model.fails_at = 3
    with pytest.raises(ValueError, match="bad batch"), fathom:
        trainer_of(model, tmp_path, fathom).train()
    run = Run(tmp_path / "run")
    assert (run.state, run.last_step, fathom.recorder) == ("failed", 3, None)
    assert [e.text for e in run.events if e.kind == "exception"] == ["ValueError: bad batch"]


def test_a_broken_training_has_failed_when_another_begins(tmp_path):
    callback = FathomCallback(tmp_path / "run", every=1)
    broken(tmp_path, callback)
    assert Run(tmp_path / "run").state == "running"
    trained(tmp_path, callback)
    assert Run(tmp_path / "run").state == "failed"
    assert Run(tmp_path / "run-2").state == "finished"


def test_a_with_that_ends_well_leaves_the_run_finished(tmp_path):
    with FathomCallback(tmp_path / "run") as fathom:
        trained(tmp_path, fathom)
    assert Run(tmp_path / "run").state == "finished"


def test_copies_hold_no_recorder(tmp_path):
    class Copying(TrainerCallback):
        def on_step_end(self, *_, **__):
            for copied in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
                assert copied.recorder is None

    callback = FathomCallback(tmp_path / "run", every=1)
    trained(tmp_path, callback, Copying())
    assert Run(tmp_path / "run").last_step == 8


BREAK = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_transformers import Classifier, FathomCallback, trainer_of
model, folder = Classifier(), Path(sys.argv[2])
model.fails_at = 3
trainer_of(model, folder, FathomCallback(folder / "run")).train()
"""


def test_a_script_that_breaks_off_leaves_the_run_failed_and_says_why(tmp_path):
    done = python("-c", BREAK, Path(__file__).parent, tmp_path)
    assert done.stderr.splitlines()[-1] == "ValueError: bad batch"
    run = Run(tmp_path / "run")
    assert (run.state, run.last_step) == ("failed", 3)
    assert [e.text for e in run.events if e.kind == "exception"] == ["ValueError: bad batch"]


def test_without_transformers_one_line_says_what_to_install():
    assert complaint_without("transformers", importing="probes.transformers") == (
        "ImportError: probes.transformers needs Transformers, which is not installed: "
        "pip install 'transformers[torch]'"
    )


def test_the_example_records(tmp_path):
    run = recorded_by_example("transformers_run.py", tmp_path / "run", steps=100)
    assert run.scalar("loss").values[0] > 2
    assert run.scalar("eval_loss").values[-1] < 0.5
