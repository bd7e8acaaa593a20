"""What the model is asked for: its loss, its targets, and the function that makes its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered
from diagnostics.signs.settings import facts

LOGITS = ("CrossEntropyLoss",)  # take logits and apply softmax by themselves
NEVER_NEGATIVE = (
    *("CrossEntropyLoss", "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss"),
    "BCEWithLogitsLoss",
)


@dataclass(frozen=True)
class Objective:
    """Empty where it was not seen."""

    kind: str = ""  # torch's class of the loss
    settings: dict[str, Any] = field(default_factory=dict)
    target: str = ""  # "classes" or "numbers"
    on_answer: bool = False  # the loss is given the very output of the model
    outputs: int = 0  # among how many classes it chooses; 0 where it does not
    broadcast: bool = False  # the shapes of answer and target did not agree
    output: str = ""  # what made the answer: "Softmax", "Sigmoid", "Linear", …
    step: int = 0


@remembered
def objective(run: Run) -> Objective:
    """The last one that was told of."""
    told = facts(run, "loss")
    if not told:
        return Objective()
    about = told[-1][1]
    return Objective(
        kind=about.get("kind", ""),
        settings=about.get("settings", {}),
        target=about.get("target", ""),
        on_answer=about.get("on") == "answer",
        outputs=about.get("outputs", 0),
        broadcast=about.get("broadcast", False),
        output=about.get("output", ""),
        step=told[0][0],
    )
