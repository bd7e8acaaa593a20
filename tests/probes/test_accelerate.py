from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch.nn import functional

from diagnostics import Run
from tests.probes.integrations import complaint_without, gradients_are, recorded_by_example
from tests.trainings import mlp

with warnings.catch_warnings():  # of its own dependencies, while it loads
    warnings.simplefilter("ignore")
    from accelerate import Accelerator
    from accelerate.tracking import GeneralTracker

    from probes.accelerate import record


def prepared(**options):
    torch.manual_seed(0)
    model = mlp()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    accelerator = Accelerator(cpu=True, **options)
    return accelerator, *accelerator.prepare(model, optimizer)


def train(accelerator, model, optimizer, *, batches=8, clip=None):
    """A usual loop; its losses, and the gradients' norms at each step."""
    generator = torch.Generator().manual_seed(1)
    losses, norms = [], []
    for _ in range(batches):
        x = torch.randn(12, 8, generator=generator)
        y = torch.randint(0, 3, (12,), generator=generator)
        with accelerator.accumulate(model):
            loss = functional.cross_entropy(model(x), y)
            accelerator.backward(loss)
            if accelerator.sync_gradients and clip:
                accelerator.clip_grad_norm_(model.parameters(), clip)
            if accelerator.sync_gradients:
                norms.append([p.grad.norm().item() for p in model.parameters()])
            optimizer.step()
            optimizer.zero_grad()
        accelerator.log({"loss": loss, "note": "a text", "twice": 2 * loss.item()}, step=100)
        losses.append(loss.item())
    return losses, norms


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 2}])
def test_training_is_the_same_bit_for_bit(tmp_path, options):
    bare = prepared(**options)
    losses, _ = train(*bare)
    rng = torch.get_rng_state()
    watched = prepared(**options)
    with record(*watched, tmp_path / "run", every=1):
        assert train(*watched)[0] == losses
    assert torch.equal(rng, torch.get_rng_state())
    assert all(map(torch.equal, bare[1].parameters(), watched[1].parameters()))
    steps = 8 // options.get("gradient_accumulation_steps", 1)
    run = Run(tmp_path / "run")
    assert (run.state, run.last_step, run.records) == ("finished", steps, steps)


def test_gradients_are_those_after_accumulation_and_clipping(tmp_path):
    trio = prepared(gradient_accumulation_steps=2)
    with record(*trio, tmp_path / "run", every=1):
        _, norms = train(*trio, clip=0.05)
    gradients_are(Run(tmp_path / "run"), trio[1], norms, clipped_to=0.05)


def test_numbers_logged_belong_to_the_last_step(tmp_path):
    trio = prepared()
    with record(*trio, tmp_path / "run"):
        losses, _ = train(*trio)
    run = Run(tmp_path / "run")
    assert set(run.logged) == {"loss", "twice"}
    assert run.scalar("loss").steps.tolist() == list(range(1, 9))
    assert run.scalar("loss").values == pytest.approx(losses)
    assert run.scalar("twice").values == pytest.approx(2 * np.array(losses))


class Other(GeneralTracker):
    name, requires_logging_directory, tracker = "other", False, None

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[float] = []

    def log(self, values, step=None, **_):
        self.heard.append(values["twice"])


def test_other_trackers_go_on_and_its_own_is_gone_afterwards(tmp_path):
    other = Other()
    trio = prepared(log_with=other)
    trio[0].init_trackers("project")
    with record(*trio, tmp_path / "run") as recorder:
        assert trio[0].get_tracker("fathom", unwrap=True) is recorder
        losses, _ = train(*trio)
    assert other.heard == pytest.approx(2 * np.array(losses))
    assert trio[0].trackers == [other]
    trio[0].log({"twice": 0.0})
    assert Run(tmp_path / "run").last_step == 8


def test_an_exception_ends_the_run_as_failed(tmp_path):
    trio = prepared()
    with pytest.raises(ValueError, match="bad batch"), record(*trio, tmp_path / "run"):
        train(*trio, batches=3)
        raise ValueError("bad batch")
    run = Run(tmp_path / "run")
    assert (run.state, run.last_step, trio[0].trackers) == ("failed", 3, [])
    assert [e.text for e in run.events if e.kind == "exception"] == ["ValueError: bad batch"]


def test_several_optimizers_are_one_run(tmp_path):
    model = mlp(depth=1)
    halves = [torch.optim.SGD(model[n].parameters(), 0.1) for n in (0, -1)]
    accelerator = Accelerator(cpu=True)
    model, *optimizers = accelerator.prepare(model, *halves)
    with record(accelerator, model, optimizers, tmp_path / "run", every=1):
        for _ in range(4):
            accelerator.backward(model(torch.ones(2, 8)).square().sum())
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
    run = Run(tmp_path / "run")
    assert run.last_step == 4
    assert np.isfinite(run.column("gradients", "norm", ["0.weight", "3.weight"])).all()


def test_end_training_inside_the_context_does_no_harm(tmp_path):
    trio = prepared()
    with record(*trio, tmp_path / "run"):
        train(*trio)
        trio[0].end_training()
    assert Run(tmp_path / "run").state == "finished"


def test_without_accelerate_one_line_says_what_to_install():
    assert complaint_without("accelerate", importing="probes.accelerate") == (
        "ImportError: probes.accelerate needs Accelerate, which is not installed: "
        "pip install accelerate"
    )


def test_the_example_records(tmp_path):
    run = recorded_by_example("accelerate_run.py", tmp_path / "run", steps=128)
    loss = run.scalar("loss").values
    assert loss[-10:].mean() < 0.8 * loss[:10].mean()
