"""Do outputs, loss and targets fit each other? Told by what the loss does to outputs."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from diagnostics.checks.answer import Answer
from diagnostics.checks.passes import watched
from diagnostics.checks.setup import Setup
from diagnostics.checks.task import Task, task_of
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.objective")
RESHAPES = ("View", "Squeeze", "Unsqueeze", "Reshape", "Permute", "Transpose", "Alias", "Slice")
REACH = {  # what an operation can give
    "Sigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Relu": (0.0, float("inf")),
    "Softplus": (0.0, float("inf")),
    "Exp": (0.0, float("inf")),
    "LogSoftmax": (float("-inf"), 0.0),
    "LogSigmoid": (float("-inf"), 0.0),
}


def objective(setup: Setup) -> Answer:
    """Is the loss one for these outputs and these targets?"""
    with setup.scene() as scene:
        scene.train()
        task = task_of(scene, watched(scene).prediction)
        ending = _ending(task.output)
        findings = [*_twice(task, ending), *_wrong(task, ending), *_out_of_reach(task, ending)]
    kind = _kind(task)
    ends = f"the outputs end in {ending.lower()}" if ending else "the outputs end in no function"
    told = f"The loss acts as {kind}; {ends}."
    return Answer(told, tuple(e for f in findings for e in f.evidence), tuple(findings))


def _kind(task: Task) -> str:
    if task.on_logits:
        return f"cross-entropy on the logits of {task.classes} classes"
    if task.on_binary_logits:
        return "cross-entropy on logits of yes or no"
    if task.is_squared:
        return "the square of the distance to the targets"
    return "a distance to the targets" if task.is_distance else "one of its own"


def _ending(output: Tensor) -> str:
    """The function that made the outputs, whether a module or not: autograd knows."""
    node = output.grad_fn
    while node is not None:
        name = node.name().removesuffix("0").removesuffix("Backward").strip("_")
        found = [known for known in REACH if name in (known, f"Safe{known}")]
        if found:
            return found[0]
        if not name.startswith(RESHAPES) and not name.startswith("Unsafe"):
            return ""
        node = node.next_functions[0][0] if node.next_functions else None
    return ""


def _twice(task: Task, ending: str) -> Iterator[Finding]:
    """A softmax, or a sigmoid, before a loss that applies it again."""
    if task.on_logits and ending != "LogSoftmax":
        axis = task.class_axis
        assert axis is not None
        rows = task.output.detach().movedim(axis, -1).flatten(0, -2)
        sums = ((rows >= 0).all(1) & ((rows.sum(1) - 1).abs() < LIMITS["sum"])).double().mean()
        share = Evidence("share of outputs that sum to one", float(sums), LIMITS["share"], "above")
        if share.value > share.threshold:
            yield _doubled("softmax", "nn.CrossEntropyLoss()", share)
        elif ending == "Sigmoid":
            yield _doubled("sigmoid", "nn.CrossEntropyLoss()", share)
    elif ending == "Sigmoid" and task.on_binary_logits:
        yield _doubled("sigmoid", "nn.BCEWithLogitsLoss()", Evidence("sigmoids", 2, 1, "above"))


def _doubled(function: str, loss: str, number: Evidence) -> Finding:
    return noticed(
        "double_softmax",
        "error",
        Words(
            f"The model ends in {function}, and the loss takes its outputs for logits.",
            "The loss applies a softmax (or sigmoid) by itself: applied twice, it can neither come "
            "near zero nor give a gradient worth having.",
            f"Return logits, without the {function}:\n    loss = {loss}",
        ),
        [number],
        confidence=0.99,
    )


def _wrong(task: Task, ending: str) -> Iterator[Finding]:
    squashed = ending in ("Sigmoid", "Softmax")
    if squashed and task.binary and task.is_squared:
        yield _squares(ending, Evidence("share of targets that are 0 or 1", 1.0, 0.99, "above"))
    if task.class_axis is not None and ending == "Softmax" and not task.on_logits:
        value = task.of(task.output.detach())
        if value < 0:  # the negative probability of the right class
            number = Evidence("loss", value, 0.0, "below")
            yield noticed(
                "wrong_loss",
                "error",
                Words(
                    "The loss of probabilities is negative: it is made for their logarithms.",
                    "NLLLoss of softmax is the right class's probability itself; its gradient does "
                    "not grow where the answer is wrong.",
                    "Return logits and use\n    loss = nn.CrossEntropyLoss()",
                ),
                [number],
            )


def _squares(ending: str, number: Evidence) -> Finding:
    return noticed(
        "wrong_loss",
        "warning",
        Words(
            f"Targets are classes, the outputs end in {ending.lower()}, and the loss is squared "
            "error.",
            "Where an output is wrong and sure of it the slope of the "
            f"{ending.lower()} is near 0, and so is the gradient: what is most wrong learns least.",
            "Use a cross-entropy, on outputs without a sigmoid:\n    loss = nn.BCEWithLogitsLoss()",
        ),
        [number],
        confidence=0.9,
    )


def _out_of_reach(task: Task, ending: str) -> Iterator[Finding]:
    if ending not in REACH or not task.is_distance:
        return
    low, high = REACH[ending]
    outside = float(((task.target < low) | (task.target > high)).double().mean())
    share = Evidence("share of targets out of reach", outside, LIMITS["outside"], "above")
    if outside > share.threshold:
        yield noticed(
            "output_range_mismatch",
            "error",
            Words(
                f"{outside:.0%} of the targets lie outside what {ending.lower()} can give.",
                f"The outputs end in {ending.lower()}, which gives {low:g} to {high:g}; targets go "
                f"from {float(task.target.min()):.3g} to {float(task.target.max()):.3g}.",
                "Let the last layer be linear, or scale the targets into reach:\n"
                "    model = nn.Sequential(*layers, nn.Linear(n, 1))",
            ),
            [share],
            confidence=0.98,
        )
