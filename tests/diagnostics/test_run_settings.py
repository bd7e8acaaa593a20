"""What was set otherwise in several runs."""

from __future__ import annotations

from typing import Any

import pytest

from diagnostics.run_settings import GROUPS, run_settings
from tests.twins import twin


def told(*runs: Any) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(each.group, each.name): each.values for each in run_settings(runs)}


class Unrecorded:
    """A run of which only what was known at its start is there."""

    generation, scalar_names, events = 0, (), ()

    def __init__(self, info: dict[str, Any]) -> None:
        self.info, self.parameters = info, {}


def a_run(**info: Any) -> Any:
    return Unrecorded(info)


def test_twins_differ_in_nothing() -> None:
    assert not [each for each in run_settings([twin("base"), twin("again")]) if each.differs]


def test_the_one_setting_that_differs_comes_first() -> None:
    found = run_settings([twin("base"), twin("faster")])
    assert [(each.group, each.name, each.values) for each in found if each.differs] == [
        ("optimizer", "lr", ("0.05", "0.06"))
    ]
    assert found[0].name == "lr"


def test_a_setting_of_a_module_is_named_with_it() -> None:
    found = [each for each in run_settings([twin("base"), twin("dropping")]) if each.differs]
    assert [(each.group, each.name) for each in found] == [("layers", "4: p")]


def test_another_width_shows_in_the_model_and_its_layers() -> None:
    found = told(twin("base"), twin("wide"))
    assert found["layers", "2.weight"] == ("8x8", "12x12")
    assert found["model", "parameters"][0] != found["model", "parameters"][1]


def test_another_schedule_is_of_the_recording() -> None:
    unlike = [each for each in run_settings([twin("base"), twin("sparse")]) if each.differs]
    assert {each.group for each in unlike} == {"recording"}


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (["--lr", "0.1"], {"lr": "0.1"}),
        (["--lr=0.1", "seed=3"], {"lr": "0.1", "seed": "3"}),
        (["--fast", "--lr", "-0.1"], {"fast": "yes", "lr": "-0.1"}),
        (["digits", "small", "-v"], {"words": "digits small", "v": "yes"}),
        (["model.width=8"], {"model.width": "8"}),
        ([], {}),
    ],
)
def test_the_words_of_a_command_go_by_their_names(words: list[str], known: dict[str, str]) -> None:
    found = told(a_run(argv=["train.py", *words]))
    mine = {name: values[0] for (group, name), values in found.items() if group == "arguments"}
    assert mine == {"program": "train.py", **known}


def test_what_the_recording_was_given_counts_more_than_the_command() -> None:
    run = a_run(argv=["train.py", "--lr=0.1"], config={"lr": 0.2, "data": {"size": 5}})
    found = told(run)
    assert found["arguments", "lr"] == ("0.2",)
    assert found["arguments", "data.size"] == ("5",)


def test_what_is_damaged_or_missing_is_left_out() -> None:
    broken = a_run(argv="none", optimizers=3, versions=["no"], git=None, model="?", series=7)
    assert told(broken, a_run())["machine", "host"] == ("", "")


def test_a_value_that_is_very_long_is_cut() -> None:
    (value,) = told(a_run(argv=["train.py", "a" * 1000]))["arguments", "words"]
    assert len(value) == 200
    assert value.endswith("…")


def test_groups_come_in_their_order() -> None:
    found = [each.group for each in run_settings([twin("base"), twin("again")])]
    assert found == sorted(found, key=GROUPS.index)
