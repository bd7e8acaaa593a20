"""The landscape's views and what is said under them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from dashboard.figures.loss_landscape import PANEL, caption, choices, draw, numbers
from tests.dashboard.around import make_about, make_landscape, make_line
from tests.dashboard.samples import HOSTILE


def test_every_view_is_drawn_from_the_same_result() -> None:
    landscape = make_landscape()
    kinds = {}
    for view in choices(landscape)["view"]:
        figure = draw(landscape, view=view)  # type: ignore[arg-type]
        kinds[view] = [trace.type for trace in figure.data]
    assert kinds["plane"].count("heatmap") == 1
    assert "surface" in kinds["surface"]
    assert kinds["side by side"].count("heatmap") == 4
    assert draw(landscape).data[0].type == "heatmap"


def test_log_and_linear() -> None:
    log, linear = (draw(make_landscape(), scale=scale) for scale in ("log", "linear"))  # type: ignore[arg-type]
    assert np.nanmin(log.data[0].z) == pytest.approx(-1)
    assert np.nanmin(linear.data[0].z) == pytest.approx(0.1)
    assert choices(make_landscape(scale="linear"))["scale"] == ("linear", "log")


def test_no_logarithm_is_offered_of_a_negative_loss() -> None:
    negative = make_landscape(loss=make_landscape().loss - 1)
    assert choices(negative)["scale"] == ("linear",)
    assert np.nanmin(draw(negative, scale="log").data[0].z) == pytest.approx(-0.9)


def test_a_line_has_one_view_and_refuses_others() -> None:
    assert choices(make_line())["view"] == ("line",)
    assert draw(make_line()).data[-1].name == "accuracy"
    with pytest.raises(ValueError, match=r"no view 'plane' .*line"):
        draw(make_line(), view="plane")


def classified(make: Any, **changes: Any) -> Any:
    """With a loss for each of two classes."""
    losses = np.stack([make().loss, 2 * make().loss])
    return make(classes=("0", "1"), class_loss=losses, **changes)


def test_class_by_class_where_there_are_classes() -> None:
    plane, line = classified(make_landscape), classified(make_line)
    assert choices(plane)["view"] == ("plane", "surface", "side by side", "class by class")
    assert choices(line)["view"] == ("line", "class by class")
    figure = draw(plane, view="class by class")
    assert [trace.type for trace in figure.data].count("heatmap") == 2
    assert {trace.type for trace in draw(line, view="class by class").data} == {"scatter"}
    with pytest.raises(ValueError, match="no view 'class by class'"):
        draw(make_landscape(), view="class by class")
    assert "each class's own examples; between" in caption(plane)
    assert "dotted: all classes together)." in caption(line)
    assert "lass by class" not in caption(make_landscape())


UNFINISHED: dict[str, Any] = {"finished": False, "audited": 0, "audit_error": np.nan}


@pytest.mark.parametrize("make", [make_landscape, make_line])
def test_what_is_not_finished_says_so_in_every_view(make: Any) -> None:
    landscape = classified(make, **UNFINISHED)
    many, size = landscape.evaluated.sum(), landscape.evaluated.size
    told = f"Not finished: {many} of {size} nodes"
    for view in choices(landscape)["view"]:
        unfinished, finished = (
            draw(each, view=view)  # type: ignore[arg-type]
            for each in (landscape, classified(make))
        )
        assert any(told in (note.text or "") for note in unfinished.layout.annotations)
        assert not any("finished" in (note.text or "") for note in finished.layout.annotations)
        assert unfinished.layout.margin.t > finished.layout.margin.t
    assert f"{told} were evaluated so far" in caption(landscape)
    assert "checked" not in caption(landscape).replace("unchecked", "")
    assert PANEL.stored.label(landscape).endswith(", not finished")
    assert "finished" not in PANEL.stored.label(make()) + caption(make())
    assert all("not finished" in each.meaning for each in numbers(landscape)[1:])


def test_alone_there_is_nothing_to_put_beside() -> None:
    alone = make_landscape(accuracy=None, held_out_loss=None, held_out_accuracy=None)
    assert choices(alone)["view"] == ("plane", "surface")


def test_the_caption_says_what_the_picture_rests_on() -> None:
    told = caption(make_landscape())
    for part in (
        "random 0 (filter-normalised) (x) and random 1 (filter-normalised) (y)",
        "step 400",
        "61 of 121 nodes were evaluated",
        "of 12 of these drawn at random",
        "0.61%",
        "allowed: 1%",
        "25 and 25 (the weights: 26)",
        "cosine between them: 0.01",
        "93.0%",
        "90.0%",
        "1 of 3 snapshots lie outside",
        "own statistics",
        "float32",
        "100 held-out examples",
    ):
        assert part in told, part


def test_the_caption_says_so_when_angles_or_values_are_not_there() -> None:
    askew = make_landscape(cosines=np.array([[1.0, 0.4], [0.4, 1.0]]))
    assert "angles are not drawn as they are" in caption(askew)
    torn = make_landscape()
    torn.loss[0, 0] = np.inf
    assert "Magenta" in caption(torn)
    assert "Magenta" not in caption(askew)


def test_the_caption_of_an_unchecked_interpolation() -> None:
    assert "none of these was checked" in caption(make_landscape(audited=0))
    exact = make_landscape(evaluated=np.ones((11, 11), bool))
    assert "All 121 nodes were evaluated." in caption(exact)


def test_the_caption_of_a_line() -> None:
    told = caption(make_line())
    assert "along towards step 9" in told
    assert "ribbon" in told
    assert "cosine" not in told


def test_the_plane_makes_room_on_a_narrow_page() -> None:
    layout = draw(make_landscape()).layout
    narrow = layout.meta["narrow"]
    assert layout.xaxis.domain[1] < layout.xaxis2.domain[0]
    assert narrow["xaxis"]["domain"] == [0, 1]
    assert narrow["yaxis"]["domain"][0] > narrow["yaxis2"]["domain"][1]
    assert narrow["xaxis"]["title"]["text"] == "random 0"


def test_numbers_have_their_definitions() -> None:
    named = {each.name: each for each in numbers(make_landscape())}
    assert named["flatness radius"].value == 0.3
    assert named["flatness radius"].meaning == "within which it stays low"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "landscape",
    [
        make_landscape(),
        make_landscape(trajectory=None),
        make_landscape(loss=np.full((11, 11), np.nan)),
        make_landscape(loss=np.full((11, 11), np.inf)),
        make_landscape(loss=np.zeros((11, 11))),
        make_landscape(loss=np.full((11, 11), 1e300)),
        make_landscape(about=make_about(run=HOSTILE), directions=(HOSTILE, HOSTILE)),
        make_line(),
        make_line(loss=np.full(11, np.nan)),
        classified(make_landscape, **UNFINISHED),
        classified(make_line),
        make_landscape(classes=("0", "1"), class_loss=np.full((2, 11, 11), np.nan)),
        make_line(classes=("0", "1"), class_loss=np.array([[0.0] * 11, [np.inf] * 11])),
    ],
    ids=[
        *("bowl", "no way", "nan", "inf", "zero", "huge", "hostile", "line", "nan line"),
        *("unfinished", "classes on a line", "nan classes", "zero and infinite classes"),
    ],
)
def test_draws_whatever_was_computed(landscape: Any, scheme: Any) -> None:
    for view in choices(landscape)["view"]:
        for scale in ("log", "linear"):
            written = draw(landscape, scheme=scheme, view=view, scale=scale).to_json()  # type: ignore[arg-type]
            json.loads(written, parse_constant=pytest.fail)
            assert "<img" not in written
    assert caption(landscape)


def test_the_panel_is_whole() -> None:
    assert PANEL.stored.command == "landscape"
    assert PANEL.stored.label(make_landscape()) == (
        "step 400, batch statistics: plane of random 0 and random 1"
    )
    assert PANEL.takes("scheme")
