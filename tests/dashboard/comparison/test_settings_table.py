"""Settings of several runs, as elements."""

from dashboard.comparison.settings_table import settings_table
from dashboard.markup import to_html
from diagnostics.run_settings import Setting
from tests.dashboard.samples import HOSTILE

UNLIKE = Setting("optimizer", "lr", ("0.1", ""))
ALIKE = Setting("machine", "host", ("here", "here"))


def test_what_differs_is_seen_and_the_rest_is_behind_a_fold():
    page = to_html(settings_table(("a", "b"), [UNLIKE, ALIKE]))
    before, _, after = page.partition("<details")
    assert "lr" in before
    assert "\u2013" in before  # b has none
    assert "1 setting that all share" in after
    assert "host" in after
    assert "host" not in before


def test_no_difference_is_said():
    page = to_html(settings_table(("a", "b"), [ALIKE]))
    assert "Nothing that was recorded of their settings differs." in page


def test_names_and_values_are_text():
    page = to_html(settings_table((HOSTILE, "b"), [Setting("arguments", HOSTILE, (HOSTILE, ""))]))
    assert "<img" not in page
