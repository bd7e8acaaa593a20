"""Last and best values of several runs, as elements."""

from dashboard.comparison.values_table import values_table
from dashboard.markup import to_html
from diagnostics.common_place import CommonPlace
from diagnostics.run_values import RunValues, Value, ValueRow


def test_the_best_of_a_row_stands_out():
    found = ValueRow("loss", False, (Value(0.5, 0.25, 30), Value(0.5, 0.125, 1200), None))
    page = to_html(values_table(RunValues(("a", "b", "c"), (found,))))
    assert page.count("winner") == 1
    assert "best 0.125 at step 1,200" in page.partition("winner")[2]
    assert "\u2013" in page


def test_a_run_without_any_number_has_no_best():
    found = ValueRow("loss", False, (Value(float("nan"), float("nan"), -1),))
    assert "at step" not in to_html(values_table(RunValues(("a",), (found,))))


def test_where_one_run_went_on_a_fair_moment_is_beside_its_end():
    found = ValueRow("loss", False, (Value(0.5, 0.25, 30), Value(0.6, 0.5, 12)))
    longer = CommonPlace("loss", 1200.0, is_end=False, values=(0.7, 0.6))
    page = to_html(values_table(RunValues(("a", "b"), (found,)), [longer]))
    assert "0.7 at step 1,200" in page
    by_time = to_html(
        values_table(RunValues(("a", "b"), (found,)), [longer], "seconds since its start")
    )
    assert "0.7 at 1200 s" in by_time
    both = CommonPlace("loss", 1200.0, is_end=True, values=(0.7, 0.6))
    assert "fair" not in to_html(values_table(RunValues(("a", "b"), (found,)), [both]))


def test_nothing_logged_is_said():
    assert "None of these runs has logged" in to_html(values_table(RunValues(("a",), ())))
