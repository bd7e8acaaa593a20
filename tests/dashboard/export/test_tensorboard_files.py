"""TensorBoard's own reader finds every tag, and the recorded values under it."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.doctor import examine
from diagnostics.run import Run
from tests.dashboard.export.hostile import EVENTS, NAMES, STEPS, hostile, same, scalars, series
from tests.dashboard.samples import HOSTILE, train
from tests.diagnostics.written import layer, written

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

from dashboard.export import tensorboard_files as module  # noqa: E402  (needs tensorboard)

ALL = dict.fromkeys(("scalars", "histograms", "tensors"), 0)


def read(folder):
    found = accumulator.EventAccumulator(str(folder), size_guidance=ALL)
    found.Reload()
    return found


def test_logged_values_are_there_in_32_bits(tmp_path):
    module.write_tensorboard(hostile(tmp_path), tmp_path)
    found, wanted = read(tmp_path), scalars()
    with np.errstate(over="ignore"):
        values = wanted.values.astype(np.float32)
    for key, name in enumerate(NAMES):
        told, there = found.Scalars(name), wanted.keys == key
        assert [each.step for each in told] == list(STEPS)
        assert same(np.array([each.value for each in told], np.float32), values[there])
        assert [each.wall_time for each in told] == wanted.times[there].tolist()


def test_layers_have_a_tag_for_each_quantity(tmp_path):
    module.write_tensorboard(hostile(tmp_path), tmp_path)
    found = read(tmp_path)
    told = found.Scalars("0.weight/gradients/mean")
    assert [each.step for each in told] == list(STEPS)
    wanted = series().statistics[:, NAMES.index("0.weight"), 6]
    assert same(np.array([each.value for each in told], np.float32), wanted)
    quantities = {tag.rpartition("/")[2] for tag in found.Tags()["scalars"] if "gradients" in tag}
    assert quantities == {"mean", "std", "rms", "zeros_share", "nonfinite_share"}


def test_a_histogram_is_of_the_octaves(tmp_path):
    counts = np.zeros(64)
    counts[46:49] = 1, 0, 5  # one of 2^-2, five of 2^0
    rows = {"0.weight": {"histogram": counts}}
    run = written(tmp_path, layer("0", "3x2"), {"weights": rows}, steps=[4])
    module.write_tensorboard(run, tmp_path)
    (told,) = read(tmp_path).Histograms("0.weight/weights/log2 magnitude")
    value = told.histogram_value
    assert (told.step, value.min, value.max, value.num) == (4, -2.0, 1.0, 6.0)
    assert (value.bucket_limit, value.bucket) == ([-1.0, 0.0, 1.0], [1.0, 0.0, 5.0])
    assert value.sum == -1.5 + 5 * 0.5


def test_a_long_run_keeps_its_ends_and_what_tensorboard_shows(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CURVE", 7)
    monkeypatch.setattr(module, "HISTOGRAMS", 3)
    steps = list(range(10, 60))
    rows = {"0.weight": {"mean": np.arange(50.0), "histogram": np.ones(64)}}
    run = written(tmp_path, layer("0", "3x2"), {"weights": rows}, steps=steps)
    module.write_tensorboard(run, tmp_path)
    found = read(tmp_path)
    told = found.Scalars("0.weight/weights/mean")
    assert len(told) == 7
    assert (told[0].step, told[-1].step) == (10, 59)
    assert all(each.value == each.step - 10 for each in told)
    assert len(found.Histograms("0.weight/weights/log2 magnitude")) == 3


@pytest.fixture(scope="module")
def sick(tmp_path_factory):
    """A real run with findings; its layers are called what no page should believe."""
    return Run(train(tmp_path_factory.mktemp("sick") / "run", name=HOSTILE.replace(".", "")))


def test_verdicts_are_texts_and_names_in_them_no_markup(sick, tmp_path):
    module.write_tensorboard(sick, tmp_path)
    found = read(tmp_path)
    told = examine(sick).findings
    assert told
    for finding in told:
        (text,) = found.Tensors(f"verdicts/{finding.disease}")
        written = text.tensor_proto.string_val[0].decode()
        assert text.step == finding.steps[0]
        assert all(line.startswith("    ") for line in written.splitlines())
        assert finding.severity in written
    metadata = found.SummaryMetadata(f"verdicts/{told[0].disease}")
    assert metadata.plugin_data.plugin_name == "text"


def test_tensorboard_shows_a_text_letter_by_letter(sick, tmp_path):
    util = pytest.importorskip("tensorboard.plugin_util")
    lines = ["warning: <img src=x>", "![a](http://e.test) **b**"]
    text = module._text("verdicts/x", lines, 1, 0.0).summary.value[0].tensor.string_val[0]
    shown = util.markdown_to_safe_html(text)
    assert "<img" not in shown
    assert "<strong" not in shown
    assert "&lt;img src=x&gt;" in shown


def test_events_are_texts(tmp_path):
    module.write_tensorboard(hostile(tmp_path), tmp_path)
    (told,) = read(tmp_path).Tensors(f"events/{EVENTS[0].kind}")
    assert told.step == 3
    assert told.wall_time == 1.5
    text = told.tensor_proto.string_val[0].decode()
    assert text.splitlines() == ['    first "line"', "      second, line"]


def test_a_run_begins_with_its_first_value(tmp_path):
    module.write_tensorboard(hostile(tmp_path), tmp_path)
    assert read(tmp_path).FirstEventTimestamp() == scalars().times.min()
