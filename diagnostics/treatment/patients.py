"""Whatever is to be treated, as a Training for each seed with its recorded batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from diagnostics.subject import Subject
from diagnostics.treatment.case import Change
from diagnostics.treatment.chance import own_chance
from diagnostics.treatment.course import Course, course_of
from diagnostics.treatment.of_subject import training_of
from diagnostics.treatment.tape import Tape, recorded
from diagnostics.treatment.training import Training
from probes.folder import FathomError

Given: TypeAlias = Training | Subject | Callable[[int], Any]


@dataclass(frozen=True)
class Patient:
    """One seed's training, and what every trial of it is given."""

    seed: int
    training: Training
    tape: Tape
    steps: int  # of a trial
    changes: tuple[Change, ...] = ()  # that help already, and are made before all else

    def course(self, steps: int | None = None) -> Course:
        """A copy, with the same chance each time."""
        course = course_of(self.training, self.tape, self.steps if steps is None else steps)
        with own_chance(self.seed):
            for change in self.changes:
                change.make(course)
                course.measured = change.measured or course.measured
        return course


def made(given: Given, seed: int) -> Training:
    """The training itself, or a fresh one of the factory's."""
    if isinstance(given, Training):
        return given
    if isinstance(given, Subject):
        return training_of(given)
    if not callable(given):
        raise FathomError(
            f"treat() was given a {type(given).__name__}; give a Training, a function of a seed "
            "that makes one, or a Subject."
        )
    with own_chance(seed):
        found = given(seed)
    if isinstance(found, Subject):
        return training_of(found)
    if not isinstance(found, Training):
        raise FathomError(
            f"the factory gave a {type(found).__name__} for seed {seed}; let it give a Training."
        )
    return found


def patients(given: Given, seeds: Sequence[int], steps: int) -> list[Patient]:
    """A factory's trainings differ by seed; one training's by which of its batches come."""
    if not seeds:
        raise FathomError("no seeds: a trial needs at least one, such as seeds=(0, 1).")
    fresh = not isinstance(given, (Training, Subject))
    found = []
    for n, seed in enumerate(seeds):
        training = made(given, seed)
        tape = recorded(training, seed, 0 if fresh else n * steps, steps)
        found.append(Patient(seed, training, tape, steps))
    return found[:1] if isinstance(given, Subject) else found  # all of whose seeds are alike
