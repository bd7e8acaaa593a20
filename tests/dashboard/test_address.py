"""What an address says is read back as it was written, and nonsense is nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from dashboard.address import Address

FULL = Address(
    "layers", "group/a b&c", 120, "encoder.3", ("rms", "a b"), "log", 0.9, "time", ("b", "ü<b>")
)


def read_by_a_browser(link: str) -> dict[str, Any]:
    asked = parse_qs(link.removeprefix("?"))
    one: dict[str, Any] = {name: values[0] for name, values in asked.items()}
    numbers = {"step": int(one["step"])} if "step" in one else {}
    numbers |= {"smooth": float(one["smooth"])} if "smooth" in one else {}
    return one | numbers | {"with": asked.get("with", []), "view": asked.get("view", [])}


@pytest.mark.parametrize("address", [Address(), Address("runs"), FULL, Address(step=0)])
def test_a_link_leads_to_the_same(address: Address) -> None:
    assert Address.read(read_by_a_browser(address.link())) == address


def test_a_link_changes_only_what_it_is_told() -> None:
    there = Address.read(read_by_a_browser(FULL.link(step=None, page="compare")))
    assert there == replace(FULL, page="compare", step=None)


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        {},
        {"page": 3, "run": ["x"], "step": "12", "smooth": "much", "with": "b"},
        {"step": True, "smooth": float("nan"), "layer": None, "with": None},
        {"smooth": 1.5, "with": [1, ""]},
    ],
)
def test_what_makes_no_sense_is_left_out(nonsense: Any) -> None:
    assert Address.read(nonsense) == Address()
