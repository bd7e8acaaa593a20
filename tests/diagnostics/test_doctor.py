from __future__ import annotations

from torch import nn

from diagnostics import Run, doctor, examine
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules import rules
from tests.trainings import deep, record


def finding(severity, confidence):
    return Finding("d", severity, "s", "c", "r", (), (), (1, 1), confidence, "gradient_flow")


def test_every_rule_is_asked(tmp_path):
    told = examine(Run(record(tmp_path / "run", deep(nn.Sigmoid))))
    asked = {f.disease for f in told.findings} | {n for n, _ in told.undecided} | set(told.passed)
    assert asked == set(rules())
    assert [f.disease for f in told.findings] == ["vanishing_gradient"]
    assert told.run == "run"


def test_the_worst_comes_first(tmp_path, monkeypatch):
    answers = [
        finding("hint", 0.9),
        finding("error", 0.5),
        None,
        finding("error", 0.8),
        NotEnough("x"),
    ]
    asked = {str(n): (lambda run, answer=answer: answer) for n, answer in enumerate(answers)}
    monkeypatch.setattr(doctor, "rules", lambda: asked)
    told = examine(Run(record(tmp_path / "run", steps=1)))
    assert [(f.severity, f.confidence) for f in told.findings] == [
        ("error", 0.8),
        ("error", 0.5),
        ("hint", 0.9),
    ]
    assert told.passed == ("2",)
    assert told.undecided == (("4", NotEnough("x")),)


def test_every_rule_is_documented():
    import importlib

    for name in rules():
        page = importlib.import_module(f"diagnostics.rules.{name}").__doc__
        for part in ("What it looks at", "Why it is bad", "Where it comes from", "What to do"):
            assert f"**{part}.**" in page
