"""A finding says everything it knows."""

from __future__ import annotations

import re

import pytest

from dashboard.markup import to_html
from dashboard.verdicts import card, telling_step, verdicts, words_of
from diagnostics.doctor import Examination
from diagnostics.finding import NotEnough
from diagnostics.thresholds import Changed
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
    assert "<pre>" not in to_html(card(make_finding(disease="new", remedy="Divide by ten.")))


def test_what_was_sound_and_what_could_not_be_judged() -> None:
    told = Examination(
        "run", (), (("dead_relu", NotEnough("no activations")),), ("bad_init_scale",)
    )
    written = to_html(verdicts(told))
    assert "No findings. 1 rule looked." in written
    assert "Dead ReLU, because no activations" in written
    assert "Bad initialisation scale" in written


def test_silence_is_not_health() -> None:
    written = to_html(verdicts(Examination("run", (), (), ())))
    assert "No rule could judge" in written


NAMES = ("Bad initialisation scale", "Learning rate too low")
PICTURES = {"gradient_flow": ("Gradient flow", "run-1-gradient_flow")}


def examined(**changes: object) -> Examination:
    """A cause, what it brings, and a cause apart from them."""
    cause = make_finding(disease="bad_init_scale", consequences=("dead_relu",))
    brought = make_finding(disease="dead_relu", because_of="bad_init_scale", steps=(30, 40))
    apart = make_finding(disease="lr_too_low", severity="warning", panel="elsewhere")
    told = {"findings": (cause, brought, apart), "undecided": (), "passed": ()}
    return Examination("run", **(told | changes))  # type: ignore[arg-type]


def cards(written: str) -> list[str]:
    """What stands inside of each card that no other holds, in order."""
    depth, start, found = 0, 0, []
    for tag in re.finditer(r"</?article", written):
        opens = tag[0] == "<article"
        if opens and depth == 0:
            start = tag.start()
        depth += 1 if opens else -1
        if depth == 0:
            found.append(written[start : tag.end()])
    return found


def test_what_a_cause_brings_stands_inside_of_its_card() -> None:
    first, second = cards(to_html(verdicts(examined())))
    assert "because of: Bad initialisation scale" in first
    assert first.count("<article") == 2
    assert "Dead ReLU" not in second
    assert "<details" in first[: first.index("because of")]  # closed until somebody wants it


def test_several_causes_are_named_first() -> None:
    written = to_html(verdicts(examined(), PICTURES))
    glance = written[: written.index("<article")]
    assert "2 causes, and 1 consequence of them." in glance
    lines = re.findall("<li.*?</li>", glance)
    assert [name in line for name, line in zip(NAMES, lines, strict=True)] == [True, True]
    assert 'data-step="0"' in lines[0]
    assert "first seen at step 0" in lines[0]
    assert "href" not in lines[1]  # its panel is not there
    alone = to_html(verdicts(examined(findings=(make_finding(),))))
    assert "causes" not in alone[: alone.index("<article")]


def test_only_the_worst_cause_is_unfolded() -> None:
    written = to_html(verdicts(examined()))
    first, second = cards(written)
    before = written[: written.index(second)]
    assert before.count("<details") - before.count("</details") == 1
    assert "Learning rate too low" in before[before.rindex("<details") :]
    outside = written[: written.index(first)]
    assert "<details" not in outside


def test_a_card_says_first_when_it_began() -> None:
    head = re.search(
        "<header.*?</header>", to_html(card(make_finding(steps=(1234, 4000)), PICTURES))
    )
    assert head is not None
    assert "first seen at step 1,234" in head[0]
    assert 'data-step="1234"' in head[0]


def test_in_the_app_the_way_goes_to_another_page() -> None:
    there = {"gradient_flow": ("Gradient flow", "?page=layers&run=a/b#gradient_flow")}
    written = to_html(card(make_finding(steps=(30, 40)), there))
    assert written.count('href="?page=layers&amp;run=a/b&amp;step=30#gradient_flow"') == 2
    assert "data-place" not in written


def test_of_a_healthy_run_it_is_told_how_many_could_not_judge() -> None:
    undecided = tuple((slug, NotEnough("no loss")) for slug in ("plateau", "overfitting"))
    written = to_html(verdicts(Examination("run", (), undecided, ("dead_relu",) * 3)))
    assert "No findings. 3 rules looked. 2 could not judge; why is told below." in written
    assert 'open="open"><summary>Could not judge (2)' in written
    sick = to_html(verdicts(examined(undecided=undecided, passed=("dead_relu",))))
    assert "open=" not in sick


def test_a_card_leads_to_its_picture_at_its_step() -> None:
    written = to_html(card(make_finding(steps=(30, 40)), PICTURES))
    assert 'data-place="run-1-gradient_flow" data-step="30"' in written
    assert 'href="#run-1-gradient_flow"' in written
    assert "Gradient flow at step 30" in written
    assert "href" not in to_html(card(make_finding(panel="elsewhere"), PICTURES))


def test_a_card_holds_the_page_of_its_rule() -> None:
    written = to_html(card(make_finding(disease="vanishing_gradient")))
    page = written[written.index("All about: vanishing gradient") :]
    assert "<strong>What it looks at.</strong>" in page
    assert "<pre>" in page


def test_hints_stand_apart() -> None:
    hint = make_finding(severity="hint", disease="over_clipping")
    written = to_html(verdicts(examined(findings=(), passed=("dead_relu",), hints=(hint,))))
    assert written.index("No findings") < written.index("Unusual, and harmless so far (1)")
    assert written.index("harmless so far") < written.index("<details") < written.index("<article")


def test_rules_that_lack_the_same_are_told_of_together() -> None:
    lacking = NotEnough("no loss was logged")
    undecided = (("lr_too_low", lacking), ("plateau", lacking), ("nan_inputs", NotEnough("x")))
    written = to_html(verdicts(examined(findings=(), undecided=undecided)))
    assert "Learning rate too low, Plateau, because no loss was logged" in written
    assert "Could not judge (3)" in written


def test_the_users_thresholds_are_told() -> None:
    changed = Changed("dead_relu", "share", 0.9, 0.5)
    written = to_html(verdicts(examined(thresholds=(changed,))))
    assert "share of Dead ReLU is 0.9 (built in: 0.5)" in written


def test_a_panel_shows_the_step_of_its_worst_finding() -> None:
    assert telling_step(examined(), "gradient_flow") == 0
    assert telling_step(examined(), "loss_curve") is None


def test_only_other_words_are_sent_again() -> None:
    one, same = (Examination("run", (make_finding(),), (), ()) for _ in range(2))
    other = Examination("run", (make_finding(steps=(0, 4001)),), (), ())
    assert words_of(one) == words_of(same) != words_of(other)
