"""The same words everywhere."""

from __future__ import annotations

import pytest

from dashboard.wording import (
    ago,
    confidence,
    count,
    duration,
    eigenvalue_name,
    layers,
    number,
    steps,
    words,
)


@pytest.mark.parametrize(
    ("slug", "told"),
    [("vanishing_gradient", "Vanishing gradient"), ("dead-ReLU", "Dead ReLU"), ("", "")],
)
def test_a_slug_is_a_heading(slug: str, told: str) -> None:
    assert words(slug) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "0"),
        (0.123456, "0.123"),
        (999.4, "999"),
        (-1234.5, "-1,234"),
        (999_999.0, "999,999"),
        (1_234_567.0, "1.23e+06"),
        (3.4e-6, "3.4e-06"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_a_number_has_three_digits(value: float, told: str) -> None:
    assert number(value) == told


def test_one_is_singular() -> None:
    assert [count(many, "row") for many in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]


def test_many_layers_are_counted() -> None:
    names = tuple("abcdefgh")
    assert layers(names[:6]) == "a, b, c, d, e, f"
    assert layers(names) == "a, b, c, d, e, f and 2 more"


def test_a_span_of_one_step_is_a_step() -> None:
    assert (steps((7, 7)), steps((0, 4000))) == ("step 7", "steps 0 to 4,000")


def test_confidence_is_in_per_cent() -> None:
    assert confidence(0.973) == "97%"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-3, "0 s"), (59.4, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_time_passed_is_in_its_largest_unit(seconds: float, told: str) -> None:
    assert ago(seconds) == f"{told} ago"


def test_eigenvalues_are_numbered_from_the_largest() -> None:
    assert [eigenvalue_name(rank) for rank in (1, 2, 10)] == ["λ₁", "λ₂", "λ₁₀"]


@pytest.mark.parametrize(("seconds", "told"), [(0.4, "0 s"), (59.4, "59 s"), (125, "2 min 05 s")])
def test_a_duration(seconds: float, told: str) -> None:
    assert duration(seconds) == told
