from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from diagnostics.diseases import page
from diagnostics.rules import consequences, documentation
from diagnostics.slugs import in_words
from diagnostics.thresholds import thresholds

PARTS = (
    "**What it looks at.**",
    "**Why it is bad.**",
    "**Where it comes from.**",
    "**What to do.**",
    "**What it cannot see.**",
)


@pytest.fixture(scope="module")
def sections():
    """Of each disease its part of the page."""
    parts = re.split(r"^## .*\n\n`(\w+)`\n", page(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_page_is_what_the_rules_say():
    written = Path(__file__).parents[2] / "docs/diseases.md"
    assert written.read_text(encoding="utf-8") == page(), (
        "python -m diagnostics.diseases > docs/diseases.md"
    )


def test_every_disease_has_a_section_with_all_its_parts(sections):
    assert sections.keys() == documentation().keys()
    for slug, section in sections.items():
        places = [section.find(part) for part in PARTS]
        assert -1 not in places, f"{slug} lacks {PARTS[places.index(-1)]}"


def test_every_link_leads_to_a_heading():
    """As GitHub names them: lower case, blanks as hyphens, other signs gone."""
    headings = re.findall(r"^## (.*)$", page(), flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in headings}
    assert len(anchors) == len(headings)
    assert set(re.findall(r"\]\(#(.*?)\)", page())) == anchors


def test_what_a_disease_explains_are_diseases():
    for slug, others in consequences().items():
        assert set(others) <= consequences().keys() - {slug}, slug
        assert len(set(others)) == len(others), slug


def test_thresholds_are_those_that_rules_go_by(sections):
    for slug, section in sections.items():
        rows = re.findall(r"^\| `(\w+)` \| (\S+) \|", section, flags=re.MULTILINE)
        assert {name: float(value) for name, value in rows} == pytest.approx(
            dict(thresholds(slug)), rel=1e-5
        )


def test_code_stays_code(sections):
    """Set in by four blanks, after an empty line: so Markdown takes it as it is."""
    for slug, section in sections.items():
        lines = section.splitlines()
        for before, line in pairwise(lines):
            if line.startswith("    "):
                assert not before or before.startswith("    "), f"{slug}: {line}"


def test_short_forms_are_spelt_out():
    assert in_words("lr_too_high") == "Learning rate too high"
    assert in_words("nan_inputs") == "NaN inputs"
