"""A finding says everything it knows."""

from __future__ import annotations

import pytest

from dashboard.markup import to_html
from dashboard.verdicts import card, verdicts
from diagnostics.doctor import Examination
from diagnostics.finding import NotEnough
from tests.dashboard.samples import HOSTILE, make_finding


@pytest.mark.parametrize(
    "told",
    [
        "Vanishing gradient",
        "error",
        "The first layer&#x27;s gradient",
        "Decay a layer",
        "0.21",
        "below 0.7",
        "0, 2",
        "steps 0 to 4,000",
        "Each sigmoid passes",
        "<p>Start larger:</p><pre>for layer in layers:\n    kaiming_normal_(layer.weight)</pre>",
        "97%",
    ],
)
def test_a_card_tells(told: str) -> None:
    assert told in to_html(card(make_finding()))


def test_names_in_a_card_are_text() -> None:
    written = to_html(card(make_finding(layers=(HOSTILE,), symptom=HOSTILE, disease=HOSTILE)))
    assert "<img" not in written
    assert "<b" not in written


def test_a_remedy_in_words_is_no_code() -> None:
    assert "<pre>" not in to_html(card(make_finding(remedy="Divide the rate by ten.")))


def test_what_was_sound_and_what_could_not_be_judged() -> None:
    told = Examination(
        "run", (), (("dead_relu", NotEnough("no activations")),), ("bad_init_scale",)
    )
    written = to_html(verdicts(told))
    assert "No findings. 1 rule looked." in written
    assert "Dead relu, because no activations" in written
    assert "Bad init scale" in written


def test_silence_is_not_health() -> None:
    written = to_html(verdicts(Examination("run", (), (), ())))
    assert "No rule could judge" in written
