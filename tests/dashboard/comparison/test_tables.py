"""A table with a column for each run."""

from dashboard.comparison.tables import row, table
from dashboard.markup import element, to_html


def test_a_column_for_each_run_in_its_colour():
    page = to_html(table("Value", ("a", "b"), [row("loss", [element("td", "", "1")] * 2)]))
    assert page.count("swatch") == 2
    assert 'class="run-1"' in page
    assert page.count("<td") == 2


def test_it_scrolls_by_itself_and_can_be_reached_by_key():
    assert 'class="wide" tabIndex="0"' in to_html(table("Value", (), []))
