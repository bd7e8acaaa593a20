"""What is sent along with a picture is what the findings say, and JSON gives it back."""

from __future__ import annotations

import json

from dashboard.first_seen import Seen, first_seen
from diagnostics.doctor import Examination
from tests.dashboard.samples import make_finding


def test_each_finding_with_the_step_it_began_at() -> None:
    cause = make_finding(disease="bad_init_scale", steps=(3, 40))
    brought = make_finding(disease="dead_relu", because_of="bad_init_scale", steps=(30, 40))
    told = first_seen(Examination("run", (cause, brought), (), ()))
    assert [(seen.step, seen.disease, seen.because_of) for seen in told] == [
        (3, "bad_init_scale", ""),
        (30, "dead_relu", "bad_init_scale"),
    ]
    assert tuple(Seen(*each) for each in json.loads(json.dumps(told))) == told


def test_hints_are_none_of_them() -> None:
    hint = make_finding(severity="hint")
    assert first_seen(Examination("run", (), (), (), hints=(hint,))) == ()
