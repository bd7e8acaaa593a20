"""Does the doctor keep still about sound trainings of architectures that it was not made on?

Ten of them at toy size, trained as most are, on data that is made up or comes with scikit-learn;
each really learns. Everything that is said of them is printed with its evidence.

    python benchmarks/unseen.py --seeds 0 1 --only bert t5
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import unseen_faces as faces
from benchmarks import unseen_nets as nets
from benchmarks.unseen_lesson import Lesson, train
from diagnostics import Run, examine
from diagnostics.finding import Finding

LESSONS: dict[str, Callable[[], Lesson]] = {
    lesson.__name__: lesson
    for lesson in (
        *(faces.bert, faces.gpt2, faces.vit, faces.resnet, faces.whisper, faces.t5),
        *(nets.unet, nets.graph, nets.tagger, nets.vae),
    )
}


def record(name: str, seed: int, folder: Path) -> None:
    """One training, and how it went."""
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(seed)
    lesson, began = LESSONS[name](), time.perf_counter()
    told = train(lesson, folder, seed)
    print(
        f"{name}-{seed}: loss {told.first:.3g} -> {told.last:.3g}, held out {told.validation:.3g}, "
        f"score {told.score:.3g}, {lesson.steps} steps in {time.perf_counter() - began:.0f} s",
        flush=True,
    )


def say(folder: Path) -> int:
    """Everything that the doctor says of a run; how many findings there are."""
    told = examine(Run(folder))
    for finding in told.findings:
        print(f"  ALARM {_words(finding)}")
    for finding in told.hints:
        print(f"  hint  {_words(finding)}")
    for rule, answer in told.undecided:
        if "broke" in answer.reason:
            print(f"  BROKE {rule}: {answer.reason}")
    return len(told.findings)


def _words(finding: Finding) -> str:
    numbers = "; ".join(
        f"{e.name} = {e.value:.3g}, {e.passes} {e.threshold:.3g}" for e in finding.evidence
    )
    layers = ", ".join(finding.layers[:4])
    return (
        f"{finding.disease} ({finding.severity}, {finding.confidence:.2f}): {finding.symptom} "
        f"[{numbers}] layers: {layers}; steps {finding.steps}"
    )


def main() -> None:
    asked = _asked()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    alarms, runs = 0, 0
    for name in asked.only:
        for seed in asked.seeds:
            folder = asked.folder / f"{name}-{seed}"
            if not (asked.keep and folder.exists()):
                record(name, seed, folder)
            print(f"{name}-{seed}", flush=True)
            alarms, runs = alarms + say(folder), runs + 1
    print(f"{alarms} alarms in {runs} sound trainings")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", choices=LESSONS, default=list(LESSONS))
    parser.add_argument("--folder", type=Path, default=Path("runs/unseen"))
    parser.add_argument("--keep", action="store_true", help="examine the runs that are there again")
    return parser.parse_args()


if __name__ == "__main__":
    main()
