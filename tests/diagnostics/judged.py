"""Trainings of the zoo, examined: what was said of each beside what it has."""

from __future__ import annotations

import warnings
from pathlib import Path

from diagnostics import Run, examine
from diagnostics.doctor import Examination
from diagnostics.finding import Finding
from tests.zoo import CASES
from tests.zoo.recording import recorded


class Clinic:
    """Records and examines trainings, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[Run, Examination]] = {}

    def examined(self, name: str) -> tuple[Run, Examination]:
        if name not in self._known:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a sick training may well be warned of
                run = Run(recorded(name, self._folder))
            told = examine(run)
            assert not [each for each in told.undecided if "broke" in each[1].reason]
            self._known[name] = run, told
        return self._known[name]

    def named(self, name: str, disease: str) -> Finding:
        """What is said of a sick training's disease; of its sibling nothing may be said."""
        run, told = self.examined(name)
        finding = {f.disease: f for f in told.findings}[disease]
        assert all(evidence.has_passed for evidence in finding.evidence)
        assert 0 <= finding.steps[0] <= finding.steps[1] <= run.last_step
        assert set(finding.layers) <= {tensor.module for tensor in run.tensors.values()}
        assert self.alarms(str(CASES[name].sibling)) == set()
        return finding

    def folded(self, name: str, symptom: str) -> Finding:
        """The cause in which a symptom of a sick training is named."""
        _, told = self.examined(name)
        (cause,) = [f for f in told.findings if symptom in f.consequences]
        assert self.alarms(str(CASES[name].sibling)) == set()
        return cause

    def alarms(self, name: str) -> set[str]:
        """What was said and is not so."""
        spec, (_, told) = CASES[name], self.examined(name)
        return {finding.disease for finding in told.findings} - spec.diseases - spec.acceptable


def independent() -> list[str]:
    """The healthy cases that are nobody's sibling."""
    return [name for name, spec in CASES.items() if spec.healthy and not spec.sibling]
