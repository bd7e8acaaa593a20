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
    found = {f.disease for f in (*told.findings, *told.hints)}
    found |= {slug for f in told.findings for slug in f.consequences}
    asked = found | {n for n, _ in told.undecided} | set(told.passed)
    assert asked == set(rules())
    assert [f.disease for f in told.findings if not f.because_of] == ["vanishing_gradient"]
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
    ]
    assert [hint.severity for hint in told.hints] == ["hint"]
    assert told.passed == ("2",)
    assert told.undecided == (("4", NotEnough("x")),)


def test_every_rule_is_documented():
    import importlib

    for name in rules():
        page = importlib.import_module(f"diagnostics.rules.{name}").__doc__
        for part in ("What it looks at", "Why it is bad", "Where it comes from", "What to do"):
            assert f"**{part}.**" in page


def disease(slug, severity="error", confidence=0.9):
    return Finding(slug, severity, "s", "c", "r", (), (), (1, 1), confidence, "gradient_flow")


def examined(monkeypatch, tmp_path, found, explains):
    asked = {f.disease: (lambda run, f=f: f) for f in found}
    monkeypatch.setattr(doctor, "rules", lambda: asked)
    monkeypatch.setattr(doctor, "consequences", lambda: explains)
    return examine(Run(record(tmp_path / "run", steps=1))).findings


def test_a_cause_comes_before_what_it_explains(monkeypatch, tmp_path):
    found = [disease("dead", confidence=1.0), disease("raw", confidence=0.6), disease("other")]
    told = examined(monkeypatch, tmp_path, found, {"raw": ("dead",)})
    assert [f.disease for f in told] == ["other", "raw", "dead"]
    assert [f.because_of for f in told] == ["", "", "raw"]
    assert told[1].consequences == ("dead",)


def test_a_warning_that_is_explained_is_named_and_not_told(monkeypatch, tmp_path):
    found = [disease("plateau", "warning"), disease("raw")]
    told = examined(monkeypatch, tmp_path, found, {"raw": ("plateau",)})
    assert [f.disease for f in told] == ["raw"]
    assert told[0].consequences == ("plateau",)


def test_of_two_that_explain_each_other_the_surer_is_the_cause(monkeypatch, tmp_path):
    found = [disease("a", confidence=0.6), disease("b", confidence=0.8)]
    told = examined(monkeypatch, tmp_path, found, {"a": ("b",), "b": ("a",)})
    assert [(f.disease, f.because_of) for f in told] == [("b", ""), ("a", "b")]
