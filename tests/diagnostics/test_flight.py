from __future__ import annotations

from diagnostics.finding import Evidence
from diagnostics.flight import (
    EXPLAINS,
    Check,
    Preflight,
    Words,
    explained,
    noticed,
    once,
    outcome_of,
)

NUMBER = Evidence("norm", 2.0, 1.0, "above")


def made(disease="dead_relu", severity="warning", confidence=0.9):
    words = Words("It is so.", "It comes from that.", "Do this.")
    return noticed(disease, severity, words, [NUMBER], ["2"], confidence)


def flight_of(*findings):
    return Preflight("Net", (Check("a", "finding", "Told.", (), 0.1, findings),), 0.1)


def test_a_finding_of_before_the_first_step():
    found = made()
    assert found.steps == (0, 0)
    assert found.panel == ""
    assert (found.symptom, found.remedy) == ("It is so.", "Do this.")
    assert (found.evidence, found.layers) == ((NUMBER,), ("2",))


def test_hints_are_apart():
    flight = flight_of(made("underfitting", "hint"), made())
    assert [f.disease for f in flight.findings] == ["dead_relu"]
    assert [f.disease for f in flight.hints] == ["underfitting"]
    assert outcome_of(flight.hints) == "fine"
    assert outcome_of(flight.findings) == "finding"


def test_the_worst_of_one_disease_stands_for_it():
    both = [made("lr_too_high", "warning"), made("lr_too_high", "error"), made("dead_relu")]
    assert [(f.disease, f.severity) for f in once(both)] == [
        ("lr_too_high", "error"),
        ("dead_relu", "warning"),
    ]


def test_worst_first_and_consequences_last():
    flight = flight_of(
        made("saturated_activations", "error"),
        made("unnormalised_inputs", "warning"),
        made("stale_momentum", "error"),
    )
    assert [(f.disease, f.because_of) for f in flight.findings] == [
        ("stale_momentum", ""),
        ("unnormalised_inputs", ""),
        ("saturated_activations", "unnormalised_inputs"),
    ]


def test_a_hint_explains_nothing():
    told = explained([made("double_softmax", "hint"), made("underfitting")])
    assert {f.because_of for f in told} == {""}


def test_nothing_explains_itself_or_goes_round():
    for cause, brings in EXPLAINS.items():
        assert cause not in brings
        assert not [other for other in brings if cause in EXPLAINS.get(other, ())]
