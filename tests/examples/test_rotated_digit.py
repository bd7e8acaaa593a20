"""Published behaviour, on digits that take seconds: upright a 1 is sure, turned it is not."""

import numpy as np
import pytest

from dashboard.theme import SCHEMES, palette
from diagnostics.active.mc_dropout import stored_dropout
from diagnostics.uncertainty import members
from examples.rotated_digit import ANGLES, analyse, digits, draw, likely, told, train, turned
from tests.diagnostics.test_store import assert_same


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "digits", steps=800)


@pytest.fixture(scope="module")
def found(run):
    return analyse(run)


def test_upright_the_draws_agree_and_turned_they_do_not(run, found):
    chance, doubt = found.uncertainty.mean.value, found.uncertainty.epistemic
    across = list(ANGLES).index(90)
    assert chance[0].argmax() == 1
    assert chance[0, 1] > 0.9
    assert chance[across].argmax() != 1
    assert doubt.value[across] - 2 * doubt.error[across] > 3 * doubt.value[0]
    assert doubt.value.argmin() == 0
    assert_same(stored_dropout(run.path, "turned").ensemble, found)


def test_every_angle_is_told_with_its_error(found):
    first, *rows, lesson = told(found).splitlines()
    assert "mutual information" in first
    doubt = found.uncertainty.epistemic
    for n, row in enumerate(rows):
        assert row.split()[0] == f"{ANGLES[n]:.0f}°"
        assert row.split()[1] == str(found.uncertainty.mean.value[n].argmax())
        assert row.endswith(f"{doubt.value[n]:.3f} ± {doubt.error[n]:.3f}")
    assert f"{doubt.value[6] / doubt.value[0]:.0f} times" in lesson


def test_the_digit_is_turned_and_nothing_else():
    images, labels = digits()
    assert images.shape == (1797, 1, 8, 8)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert images.max() == 1
    angle = turned()
    upright, across = angle[0], angle[6]
    np.testing.assert_allclose(across, np.rot90(upright, -1), atol=1e-6)  # clockwise
    assert upright.std(1).sum() > 2 * upright.std(0).sum()  # a bar that stands


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_drawn_is_what_every_draw_says(found, scheme):
    figure, shown = draw(found, turned(), scheme), likely(found)
    scatters = [trace for trace in figure.data if trace.type == "scatter"]
    dots = {trace.name: trace for trace in scatters if trace.mode == "markers"}
    assert list(dots) == [str(name) for name in shown]
    logits, chances = found.kept, members(found.kept, found.uncertainty.reading)
    for name in shown:
        np.testing.assert_allclose(dots[str(name)].y, found.uncertainty.mean.value[:, name])
        assert _strokes(figure, "y2", dots[str(name)]) == pytest.approx(
            np.sort(logits[..., name].ravel()), abs=1e-5
        )
        assert _strokes(figure, "y3", dots[str(name)]) == pytest.approx(
            np.sort(chances[..., name].ravel()), abs=1e-6
        )
    (bars,) = (trace for trace in figure.data if trace.type == "bar")
    np.testing.assert_array_equal(bars.y, found.uncertainty.epistemic.value)
    (names,) = (trace for trace in scatters if trace.mode == "text")
    assert names.text[0] == "<b>1</b>"
    assert figure.layout.template.layout.paper_bgcolor == palette(scheme).card


def _strokes(figure, axis, dots):
    """The heights of those in one class's colour."""
    colour = dots.marker.color + "4d"
    lines = [trace for trace in figure.data if trace.type == "scatter" and trace.yaxis == axis]
    own = [trace for trace in lines if trace.line.color == colour]
    return np.sort(np.concatenate([np.asarray(trace.y)[::3] for trace in own]))


def test_the_pictures_lie_over_their_angles(found):
    picture = next(trace for trace in draw(found, turned()).data if trace.type == "heatmap")
    x, strip = np.asarray(picture.x), np.asarray(picture.z)
    for angle, image in zip(ANGLES, turned(), strict=True):
        here = np.abs(x - angle) < 6
        np.testing.assert_array_equal(strip[::-1, here], image)
    assert np.isnan(strip[0]).sum() == 2 * (len(ANGLES) - 1)
