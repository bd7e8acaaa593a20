"""How well a doctor's words meet the labels.

    recall       share of the runs labelled with a disease in which it was named
    precision    share of a disease's namings that were labelled, or acceptable
    full         sick runs in which every labelled disease was named
    first        sick runs whose first finding is a labelled disease
    detected     sick runs with a finding that is labelled or acceptable
    paired       sick runs named in full whose healthy sibling is spared these diseases
    alarmed      healthy runs with a finding that is not acceptable

Intervals resample cases, not runs: seeds of one case are not independent.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

from tests.zoo.core import CASES, Spec

Key = tuple[str, int]  # a case and a seed
NAN = float("nan")
DRAWS = 1000  # of cases, for an interval


@dataclass(frozen=True)
class Said:
    """A disease named in a run, and the first step at which it shows. The surest comes first."""

    disease: str
    step: int


@dataclass(frozen=True)
class Share:
    """Of runs, with its interval of 95 %."""

    value: float
    low: float
    high: float
    runs: int


@dataclass(frozen=True)
class Disease:
    """How one disease is met."""

    runs: int  # that are labelled with it
    recall: float
    named: int  # runs in which it was named
    precision: float


@dataclass(frozen=True)
class Score:
    full: Share
    first: Share
    detected: Share
    paired: Share
    alarmed: Share
    alarmed_alone: Share  # of the healthy runs that are no sick one's sibling
    delay_steps: float  # median, from when the fault can show to the first right finding
    delay_share: float  # the same over the run's length
    diseases: dict[str, Disease]
    misses: dict[Key, tuple[str, ...]]  # what was not named
    alarms: dict[Key, tuple[str, ...]]  # what a healthy run is said to have
    strays: dict[Key, tuple[str, ...]]  # what a sick run is said to have and has not

    @property
    def macro_recall(self) -> float:
        return _mean(d.recall for d in self.diseases.values() if d.runs)

    @property
    def macro_precision(self) -> float:
        return _mean(d.precision for d in self.diseases.values() if d.named)


@dataclass(frozen=True)
class _Run:
    key: Key
    spec: Spec
    said: tuple[Said, ...]
    twin: frozenset[str]  # what the sibling is said to have

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(said.disease for said in self.said))

    @property
    def missed(self) -> tuple[str, ...]:
        return tuple(sorted(self.spec.diseases - set(self.names)))

    @property
    def wrong(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if not self.allows(name))

    def allows(self, name: str) -> bool:
        return name in self.spec.diseases | self.spec.acceptable

    @property
    def delay(self) -> int | None:
        right = [said.step for said in self.said if said.disease in self.spec.diseases]
        return max(0, min(right) - self.spec.onset) if right else None


def score(
    reports: Mapping[Key, Sequence[Said]],
    lengths: Mapping[Key, int],
    cases: Mapping[str, Spec] = CASES,
) -> Score:
    """What was said of some runs, of which each has so many steps."""
    runs = [_run(key, reports, cases) for key in reports]
    sick = [run for run in runs if not run.spec.healthy]
    well = [run for run in runs if run.spec.healthy]
    alone = [run for run in well if run.spec.sibling is None]
    delays = [(run.delay, lengths[run.key]) for run in sick if run.delay is not None]
    return Score(
        full=_share(sick, lambda run: not run.missed),
        first=_share(sick, lambda run: bool(run.names) and run.names[0] in run.spec.diseases),
        detected=_share(sick, lambda run: any(map(run.allows, run.names))),
        paired=_share(sick, lambda run: not run.missed and not run.spec.diseases & run.twin),
        alarmed=_share(well, lambda run: bool(run.wrong)),
        alarmed_alone=_share(alone, lambda run: bool(run.wrong)),
        delay_steps=median([delay for delay, _ in delays] or [NAN]),
        delay_share=median([delay / length for delay, length in delays] or [NAN]),
        diseases=_diseases(runs),
        misses={run.key: run.missed for run in sick if run.missed},
        alarms={run.key: run.wrong for run in well if run.wrong},
        strays={run.key: run.wrong for run in sick if run.wrong},
    )


def _run(key: Key, reports: Mapping[Key, Sequence[Said]], cases: Mapping[str, Spec]) -> _Run:
    name, seed = key
    twin = reports.get((cases[name].sibling or "", seed), ())
    return _Run(key, cases[name], tuple(reports[key]), frozenset(said.disease for said in twin))


def _share(runs: Sequence[_Run], holds: Callable[[_Run], bool]) -> Share:
    if not runs:
        return Share(NAN, NAN, NAN, 0)
    by_case: dict[str, list[float]] = {}
    for run in runs:
        by_case.setdefault(run.key[0], []).append(float(holds(run)))
    means, dice = [mean(values) for values in by_case.values()], random.Random(0)
    drawn = sorted(mean(dice.choices(means, k=len(means))) for _ in range(DRAWS))
    low, high = drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS) - 1]
    return Share(mean(x for values in by_case.values() for x in values), low, high, len(runs))


def _diseases(runs: Sequence[_Run]) -> dict[str, Disease]:
    names = {name for run in runs for name in (*run.spec.diseases, *run.names)}
    return {name: _disease(name, runs) for name in sorted(names)}


def _disease(name: str, runs: Sequence[_Run]) -> Disease:
    labelled = [run for run in runs if name in run.spec.diseases]
    named = [run for run in runs if name in run.names]
    recall = _mean(name in run.names for run in labelled)
    return Disease(len(labelled), recall, len(named), _mean(run.allows(name) for run in named))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return mean(found) if found else NAN
