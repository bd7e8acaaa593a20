from __future__ import annotations

import copy
import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from diagnostics import Run
from probes import FathomError
from tests.probes.integrations import (
    complaint_without,
    gradients_are,
    recorded_by_example,
    trains_alike,
)

with warnings.catch_warnings():  # of its own dependencies, while it loads
    warnings.simplefilter("ignore")
    import lightning as L
    import pytorch_lightning

    from probes.lightning import FathomCallback

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


def module_of(base):
    class Classifier(base):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
            self.losses: list[float] = []
            self.epochs: list[float] = []
            self.fails_at: int | None = None

        def training_step(self, batch, n):
            if len(self.losses) == self.fails_at:
                raise ValueError("bad batch")
            loss = functional.cross_entropy(self.net(batch[0]), batch[1])
            self.losses.append(loss.item())
            self.log("train", loss, on_step=True, on_epoch=True)
            if n == 1:
                self.log("rare", 10.0 * len(self.losses), on_step=True, on_epoch=False)
            return loss

        def on_train_epoch_end(self):
            self.epochs.append(float(np.mean(self.losses[-4:])))

        def validation_step(self, batch, n):
            self.log("val", functional.cross_entropy(self.net(batch[0]), batch[1]))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1, momentum=0.9)

    return Classifier


Classifier = module_of(L.LightningModule)


def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(32, 8, generator=generator)
    return DataLoader(TensorDataset(x, torch.randint(0, 3, (32,), generator=generator)), 8)


def trainer_of(*callbacks, package=L, epochs=2, **options):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    quiet |= {"enable_checkpointing": False, "accelerator": "cpu", "max_epochs": epochs}
    return package.Trainer(callbacks=list(callbacks), **(quiet | options))


def fitted(*callbacks, **options):
    torch.manual_seed(0)
    model = Classifier()
    trainer_of(*callbacks, **options).fit(model, data(), data())
    return model


@pytest.mark.parametrize(
    "options", [{}, {"accumulate_grad_batches": 2}, {"gradient_clip_val": 0.05}]
)
def test_training_is_the_same_bit_for_bit(tmp_path, options):
    trains_alike(partial(fitted, **options), FathomCallback(tmp_path / "run", every=1))
    steps = 8 // options.get("accumulate_grad_batches", 1)
    run = Run(tmp_path / "run")
    assert (run.state, run.last_step, run.records) == ("finished", steps, steps)


def test_gradients_are_those_after_accumulation_and_clipping(tmp_path):
    options = {"accumulate_grad_batches": 2, "gradient_clip_val": 0.05}
    seen = []

    class Watching(Classifier):
        def optimizer_step(self, epoch, n, optimizer, closure):
            super().optimizer_step(epoch, n, optimizer, closure)
            seen.append([p.grad.norm().item() for p in self.parameters()])

    model = Watching()
    trainer_of(FathomCallback(tmp_path / "run", every=1), **options).fit(model, data())
    gradients_are(Run(tmp_path / "run"), model, seen, clipped_to=0.05)


def scalar(run, name):
    found = run.scalar(name)
    return found.steps.tolist(), found.values.tolist()


def test_what_is_logged_is_recorded_once_each_under_lightnings_names(tmp_path):
    model = fitted(FathomCallback(tmp_path / "run", every=1))
    run = Run(tmp_path / "run")
    assert set(run.logged) == {"loss", "train_step", "train_epoch", "rare", "val"}
    every = list(range(1, 9))
    assert scalar(run, "loss") == (every, pytest.approx(model.losses))
    assert scalar(run, "train_step") == (every, pytest.approx(model.losses))
    assert scalar(run, "rare") == ([2, 6], [20.0, 60.0])
    assert scalar(run, "train_epoch") == ([4, 8], pytest.approx(model.epochs))
    assert scalar(run, "val")[0] == [4, 8]


def test_the_loss_is_the_training_steps_own_when_batches_accumulate(tmp_path):
    model = fitted(FathomCallback(tmp_path / "run"), accumulate_grad_batches=2)
    assert scalar(Run(tmp_path / "run"), "loss")[1] == pytest.approx(model.losses)


def test_fit_validate_fit_is_one_run(tmp_path):
    callback, model = FathomCallback(tmp_path / "run", every=1), Classifier()
    trainer = trainer_of(callback)
    trainer.fit(model, data())
    assert callback.recorder is None
    trainer.validate(model, data(), verbose=False)
    trainer.fit_loop.max_epochs = 3
    trainer.fit(model, data())
    run = Run(tmp_path / "run")
    assert (run.state, run.last_step, len(list(tmp_path.iterdir()))) == ("finished", 12, 1)


def test_a_fit_from_a_checkpoint_goes_on_in_its_folder(tmp_path):
    trainer = trainer_of(FathomCallback(tmp_path / "run", every=1), epochs=1)
    trainer.fit(Classifier(), data())
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    again = trainer_of(FathomCallback(tmp_path / "run", every=1), epochs=3)
    again.fit(Classifier(), data(), ckpt_path=tmp_path / "last.ckpt")
    assert again.global_step == Run(tmp_path / "run").last_step == 12


def test_an_old_folder_is_refused_in_a_sentence(tmp_path):
    fitted(FathomCallback(tmp_path / "run"))
    with pytest.raises(FathomError, match="already holds a run"):
        fitted(FathomCallback(tmp_path / "run"))
    assert Run(tmp_path / "run").state == "finished"


def test_an_exception_ends_the_run_as_failed(tmp_path):
    model, callback = Classifier(), FathomCallback(tmp_path / "run", every=1)
    model.fails_at = 3
    with pytest.raises(ValueError, match="bad batch"):
        trainer_of(callback).fit(model, data())
    run = Run(tmp_path / "run")
    assert (run.state, run.last_step, callback.recorder) == ("failed", 3, None)
    assert [e.text for e in run.events if e.kind == "exception"] == ["ValueError: bad batch"]


def test_two_optimizers_stepped_by_hand_are_one_run(tmp_path):
    class Pair(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 3)

        def training_step(self, batch, n):
            loss = functional.cross_entropy(self.two(self.one(batch[0])), batch[1])
            self.manual_backward(loss)
            for optimizer in self.optimizers():
                optimizer.step()
                optimizer.zero_grad()

        def configure_optimizers(self):
            return [torch.optim.SGD(part.parameters(), 0.1) for part in (self.one, self.two)]

    trainer_of(FathomCallback(tmp_path / "run", every=1)).fit(Pair(), data())
    run = Run(tmp_path / "run")
    assert run.last_step == 8
    assert np.isfinite(run.column("gradients", "norm", ["one.weight", "two.weight"])).all()


def test_the_older_package_takes_it_too(tmp_path):
    trainer = trainer_of(FathomCallback(tmp_path / "run", every=1), package=pytorch_lightning)
    trainer.fit(module_of(pytorch_lightning.LightningModule)(), data())
    assert Run(tmp_path / "run").last_step == 8


def test_copies_and_checkpoints_hold_no_recorder(tmp_path):
    class Copying(L.Callback):
        def on_train_batch_end(self, trainer, *_):
            for copied in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
                assert copied.recorder is None
            trainer.save_checkpoint(tmp_path / "inside.ckpt")

    callback = FathomCallback(tmp_path / "run", every=1)
    fitted(callback, Copying())
    assert Run(tmp_path / "run").last_step == 8
    assert torch.load(tmp_path / "inside.ckpt", weights_only=True)["callbacks"] == {}


def test_without_lightning_one_line_says_what_to_install():
    packages = ("lightning", "lightning.pytorch", "pytorch_lightning")
    assert complaint_without(*packages, importing="probes.lightning") == (
        "ImportError: probes.lightning needs Lightning, which is not installed: "
        "pip install lightning"
    )


def test_the_example_records(tmp_path):
    loss = recorded_by_example("lightning_run.py", tmp_path / "run", steps=80).scalar("loss").values
    assert loss[-5:].mean() < 0.1 < loss[0]
