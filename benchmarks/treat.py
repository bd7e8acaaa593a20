"""Does the remedy that a short trial accepts heal the whole run?

Every sick training of the collection for whose disease there is a remedy to try: treated with the
disease that it is labelled with; then the change that won is made to the whole run, whose end is
compared with that of the healthy sibling. Healed: its validation loss or its metric is within 10 %
of the sibling's, on the mean of the seeds.

    python benchmarks/treat.py --seeds 0 1 --only dead_relu
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from diagnostics.treatment.chance import own_chance
from diagnostics.treatment.course import Course, evaluating, run
from diagnostics.treatment.prescription import filled
from diagnostics.treatment.training import Training
from diagnostics.treatment.treat import treat, treatable
from tests.zoo import CASES, Case, Spec, train

if TYPE_CHECKING:
    from diagnostics.treatment.treatment import Treatment

NEAR = 0.1  # of the sibling's loss or metric
HEADS = ("case", "disease", "remedy", "change", "sick", "treated", "sibling", "healed", "seconds")


@dataclass(frozen=True)
class End:
    """Of a whole run, the mean over seeds."""

    loss: float
    metric: float

    def near(self, other: End) -> bool:
        """No more than a tenth worse, by loss or by metric."""
        by_loss = self.loss <= other.loss + NEAR * abs(other.loss)
        return by_loss or self.metric >= other.metric - NEAR * abs(other.metric)

    def __str__(self) -> str:
        return f"{self.loss:.3g} / {self.metric:.3g}"


def training_of(case: Case) -> Training:
    """The case as its loop has it, mistakes included."""
    return Training(
        case.model,
        case.optimizer,
        case.loss_fn,
        case.train_loader,
        case.val_loader,
        case.scheduler,
        case.grad_clip,
        case.steps,
        case.amp or None,
        case.scaler,
        case.zero_grad_every or 0,
        case.train_mode,
    )


def is_plain(case: Case) -> bool:
    """One optimizer and one loss of answers; adversaries have a loop of their own."""
    return case.step_fn is None and not case.extra_optimizers


def mean(ends: list[tuple[float, float]]) -> End:
    losses, metrics = zip(*ends, strict=True)
    return End(sum(losses) / len(losses), sum(metrics) / len(metrics))


def untreated(spec: Spec, seeds: list[int]) -> End:
    ends = []
    for seed in seeds:
        done = train(spec.build(seed))
        ends.append((done.val_loss, done.val_metric))
    return mean(ends)


def treated(spec: Spec, treatment: Treatment, seeds: list[int]) -> End:
    ends = []
    for seed in seeds:
        case = spec.build(seed)
        steps = case.steps
        course = filled(lambda s: training_of(spec.build(s)), treatment, steps, seed)
        with own_chance(seed):
            run(course, seed, lambda: None)
        ends.append(validated(case, course))
    return mean(ends)


def validated(case: Case, course: Course) -> tuple[float, float]:
    """As the case does it, but always in evaluation mode."""
    total, met, rows, model = 0.0, 0.0, 0, course.answering()
    with evaluating(model):
        for x, y in case.val_loader:
            answers = model(*x) if isinstance(x, tuple) else model(x)
            total += float(course.measured(answers, y)) * len(y)
            met += float(case.metric_fn(answers, y)) * len(y) if case.metric_fn else math.nan
            rows += len(y)
    return total / rows, met / rows


def row(spec: Spec, seeds: list[int], seconds: float) -> tuple[list[str], bool]:
    start = time.monotonic()
    factory = lambda seed: training_of(spec.build(seed))  # noqa: E731
    found = treat(factory, sorted(spec.diseases), seeds=seeds, seconds=seconds)
    spent = time.monotonic() - start
    sick, well = untreated(spec, seeds), untreated(CASES[str(spec.sibling)], seeds)
    end = treated(spec, found, seeds) if found.winner else None
    healed = end is not None and end.near(well)
    names = " + ".join(each.remedy for each in found.prescription)
    cells: list[Any] = [spec.name, "+".join(sorted(spec.diseases)), names or "none"]
    cells += [
        " + ".join(each.change for each in found.prescription),
        sick,
        end or "",
        well,
        "yes" if healed else "NO",
    ]
    tell(found)
    return [*map(str, cells), f"{spent:.0f}"], healed


def tell(found: Treatment) -> None:
    for each in (*found.attempts, *found.then):
        numbers = f"{each.effect:+.2f} ± {each.error:.2f}, val {each.validation:+.2f}"
        print(f"    {each.verdict:9} {each.remedy:20} {numbers}  {each.change}: {each.reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--seconds", type=float, default=600.0, help="of each treatment")
    parser.add_argument("--only", nargs="*", default=[], help="cases whose names hold one of these")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    known, healed, rows = treatable(), 0, []
    for spec in CASES.values():
        wanted = not asked.only or any(part in spec.name for part in asked.only)
        if wanted and not spec.healthy and spec.diseases & known and is_plain(spec.build(0)):
            cells, is_healed = row(spec, asked.seeds, asked.seconds)
            rows.append(cells)
            healed += is_healed
            print(" | ".join(cells), flush=True)
    print("\n| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS))
    print("\n".join("| " + " | ".join(cells) + " |" for cells in rows))
    print(f"\nhealed: {healed} of {len(rows)}")


if __name__ == "__main__":
    main()
