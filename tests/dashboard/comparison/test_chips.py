"""The chips of a comparison, and the links that they are."""

from __future__ import annotations

from dashboard.address import Address
from dashboard.comparison.chips import chips, chosen, without
from dashboard.markup import to_html
from tests.dashboard.samples import HOSTILE

HERE = Address(page="compare", run="a/b", others=("c", "d"), smooth=0.5, along="time")


def test_a_run_is_compared_once_and_ten_at_most() -> None:
    twice = Address(run="a", others=("b", "a", "b", ""))
    assert chosen(twice) == ("a", "b")
    assert len(chosen(Address(run="a", others=tuple(map(str, range(20)))))) == 10
    assert chosen(Address()) == ()


def test_taking_one_out_keeps_how_they_are_looked_at() -> None:
    left = without(HERE, 1)
    assert (left.run, left.others) == ("a/b", ("d",))
    assert (left.page, left.smooth, left.along) == ("compare", 0.5, "time")


def test_with_the_first_gone_the_next_takes_its_place() -> None:
    left = without(HERE, 0)
    assert (left.run, left.others) == ("c", ("d",))


def test_the_last_one_gone_leaves_nothing() -> None:
    left = without(Address(page="compare", run="a"), 0)
    assert (left.run, left.others) == ("", ())


def test_every_chip_has_its_colour_and_its_way_out() -> None:
    page = to_html(chips(HERE))
    for place in range(3):
        assert f"chip run-{place}" in page
    assert 'aria-label="Take c out of the comparison"' in page
    assert without(HERE, 1).link().replace("&", "&amp;") in page


def test_the_ninth_is_dashed() -> None:
    page = to_html(chips(Address(run="0", others=tuple(map(str, range(1, 9))))))
    assert page.count("dashed") == 1


def test_names_are_text() -> None:
    page = to_html(chips(Address(run=HOSTILE)))
    assert "<img" not in page
