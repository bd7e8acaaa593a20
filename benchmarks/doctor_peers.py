"""What the peers' rules have in common, and how their words are told in ours.

Each rule set is written anew from its published rules and defaults, for none of them runs on
PyTorch of today; each file says what it leaves out and why. A rule speaks once a run, at the first
step at which it fires. Rules name symptoms where ours name causes, so the benefit of every doubt
is theirs: a rule stands for all the diseases listed beside it, and counts as the one of them that
the run is labelled with; if it is none of these, as one that is acceptable; and as the first else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tests.zoo import Run, Spec
from tests.zoo.scoring import Said

if TYPE_CHECKING:
    from benchmarks.doctor_observer import Step


@dataclass(frozen=True)
class Word:
    """A rule fired at a step."""

    rule: str
    step: int


class Peer:
    """One rule set, shown a training as it goes."""

    name: ClassVar[str]
    meanings: ClassVar[dict[str, tuple[str, ...]]]  # of each rule the diseases it may mean

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.at = 0

    def say(self, rule: str) -> None:
        if rule not in {word.rule for word in self.words}:
            self.words.append(Word(rule, self.at))

    def say_if(self, fired: Any, rule: str) -> None:
        if fired:
            self.say(rule)

    def start(self, run: Run) -> None:
        """Before the first step."""

    def step(self, step: Step) -> None:
        """After a step."""

    def validated(self, run: Run) -> None:
        """After a validation."""

    def end(self, run: Run) -> None:
        """After the training."""


def kindly(words: Iterable[Word], meanings: dict[str, tuple[str, ...]], spec: Spec) -> list[Said]:
    """Words as findings, with the benefit of the doubt; right ones first."""
    said = [Said(_meant(meanings[word.rule], spec), word.step) for word in words]
    first = {s.disease: s for s in sorted(said, key=lambda s: -s.step)}  # the earliest stays
    rank = {True: 0, False: 1}
    return sorted(
        first.values(),
        key=lambda s: (
            rank[s.disease in spec.diseases],
            rank[s.disease in spec.acceptable],
            s.step,
        ),
    )


def _meant(meanings: tuple[str, ...], spec: Spec) -> str:
    labelled = [name for name in meanings if name in spec.diseases]
    acceptable = [name for name in meanings if name in spec.acceptable]
    return (*labelled, *acceptable, *meanings)[0]
