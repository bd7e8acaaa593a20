from __future__ import annotations

import errno
import math
import os
from itertools import pairwise

import numpy as np
import pytest

from probes.folder import RunError
from probes.gallery import Gallery, missed_least
from probes.snapshot_file import read_index, read_snapshot, snapshot_path, snapshot_steps
from probes.wire import FRAME, blob

GENERATOR = np.random.default_rng(0)


def noise(size):
    return GENERATOR.integers(0, 256, size, np.uint8)


def head_of(step, tensors, *, budget=1 << 30, number=None, aliases=(), align=16):
    """What the probe would say of these byte arrays, and the stream of them."""
    rows, stream = [], b""
    for name, values in tensors.items():
        stream += b"?" * (-len(stream) % align)
        rows.append({"name": name, "shape": list(values.shape), "dtype": "uint8",
                     "bytes": values.nbytes, "offset": len(stream)})  # fmt: skip
        stream += values.tobytes()
    rows += [
        {**next(row for row in rows if row["name"] == of), "name": name, "bytes": 0, "alias": of}
        for name, of in aliases
    ]
    number = step if number is None else number
    head = {"snapshot": number, "step": step, "time": step / 8, "budget": budget, "tensors": rows}
    return head, stream


def body(number, offset, chunk):
    return blob(number, offset, chunk)[FRAME.size :]


def show(gallery, step, tensors, *, chunk=1 << 20, **options):
    head, stream = head_of(step, tensors, **options)
    gallery.begin(head)
    for at in range(0, len(stream), chunk):
        gallery.add(body(head["snapshot"], at, stream[at : at + chunk]))


def equal(found, tensors):
    return list(found) == list(tensors) and all(
        np.array_equal(found[name], tensors[name]) for name in tensors
    )


def names(folder):
    return sorted(path.name for path in (folder / "snapshots").iterdir())


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_however_it_is_cut_what_came_is_what_is_read(tmp_path, chunk):
    tensors = {
        "a": noise(100), "empty": noise(0), "point": noise(1).reshape(()),
        "b": noise((3, 5)), "last": noise(0),
    }  # fmt: skip
    show(Gallery(tmp_path), 5, tensors, chunk=chunk, aliases=[("tied", "b")])
    found = read_snapshot(tmp_path, 5)
    assert found["tied"] is found["b"]
    del found["tied"]
    assert equal(found, tensors)
    assert read_index(snapshot_path(tmp_path, 5))[0] == 5 / 8
    assert names(tmp_path) == ["r0000-s000000005.h5"]


@pytest.mark.parametrize("tensors", [{}, {"a": noise(0), "b": noise((0, 3))}])
def test_a_snapshot_of_no_bytes_at_all(tmp_path, tensors):
    show(Gallery(tmp_path), 1, tensors)
    assert equal(read_snapshot(tmp_path, 1), tensors)


def test_ranks_do_not_meet(tmp_path):
    one, other = {"a": noise(10)}, {"a": noise(10)}
    galleries = Gallery(tmp_path, 0), Gallery(tmp_path, 1)
    show(galleries[0], 1, one)
    show(galleries[1], 1, other)
    show(galleries[1], 2, other)
    assert snapshot_steps(tmp_path) == (1,)
    assert equal(read_snapshot(tmp_path, 1, 0), one)
    assert equal(read_snapshot(tmp_path, 2, 1), other)


def test_what_has_not_changed_is_stored_once(tmp_path):
    gallery, frozen = Gallery(tmp_path), noise(1_000_000)
    taken = {}
    for step in (1, 2, 3):
        taken[step] = {"frozen": frozen, "moving": noise(1000)}
        show(gallery, step, taken[step], chunk=65_536)
    sizes = [snapshot_path(tmp_path, step).stat().st_size for step in (1, 2, 3)]
    assert sizes[0] > 1_000_000
    assert max(sizes[1:]) < 100_000
    for step in (3, 1, 2):
        assert equal(read_snapshot(tmp_path, step), taken[step])


def test_what_changes_back_shape_or_type_is_stored_anew(tmp_path):
    gallery, values = Gallery(tmp_path), noise(12)
    show(gallery, 1, {"a": values})
    show(gallery, 2, {"a": values.reshape(3, 4)})
    show(gallery, 3, {"a": noise(12)})
    show(gallery, 4, {"a": values})
    assert [read_index(snapshot_path(tmp_path, n))[1][0].step for n in (1, 2, 3, 4)] == [1, 2, 3, 4]
    assert read_snapshot(tmp_path, 2)["a"].shape == (3, 4)


def test_half_a_snapshot_is_none(tmp_path):
    head, stream = head_of(1, {"a": noise(1000)})
    gallery = Gallery(tmp_path)
    gallery.begin(head)
    gallery.add(body(1, 0, stream[:900]))
    gallery.close()
    assert names(tmp_path) == []
    gallery.add(body(1, 900, stream[900:]))  # too late
    assert names(tmp_path) == []


def test_a_lost_piece_spoils_its_snapshot_and_no_other(tmp_path):
    head, stream = head_of(1, {"a": noise(1000)})
    gallery = Gallery(tmp_path)
    gallery.begin(head)
    gallery.add(body(1, 0, stream[:300]))
    gallery.add(body(1, 600, stream[600:]))
    gallery.add(body(1, 300, stream[300:600]))
    assert names(tmp_path) == []
    show(gallery, 2, {"a": noise(10)})
    assert snapshot_steps(tmp_path) == (2,)


def test_the_next_one_ends_one_that_never_became_whole(tmp_path):
    head, stream = head_of(1, {"a": noise(1000)})
    gallery = Gallery(tmp_path)
    gallery.begin(head)
    gallery.add(body(1, 0, stream[:300]))
    show(gallery, 2, {"a": noise(10)})
    gallery.add(body(1, 300, stream[300:]))
    assert names(tmp_path) == ["r0000-s000000002.h5"]


def test_a_resumed_run_goes_on_with_what_there_is(tmp_path):
    frozen = noise(100_000)
    taken = {step: {"frozen": frozen, "b": noise(10)} for step in (1, 2, 3)}
    for step in (1, 2):
        show(Gallery(tmp_path), step, taken[step], number=0)
    (tmp_path / "snapshots" / "r0000-s000000003.h5.part").write_bytes(b"of a killed scribe")
    gallery = Gallery(tmp_path)
    assert names(tmp_path) == ["r0000-s000000001.h5", "r0000-s000000002.h5"]
    show(gallery, 2, {"frozen": noise(5), "b": noise(5)}, number=0)  # not again
    show(gallery, 3, taken[3], number=1)
    assert all(equal(read_snapshot(tmp_path, step), taken[step]) for step in (1, 2, 3))
    assert snapshot_path(tmp_path, 3).stat().st_size < 80_000


def test_after_a_damaged_one_everything_counts_as_new(tmp_path):
    values = {"a": noise(1000)}
    gallery = Gallery(tmp_path)
    show(gallery, 1, values)
    snapshot_path(tmp_path, 1).write_bytes(b"x" * 100)
    show(gallery, 2, values)
    assert equal(read_snapshot(tmp_path, 2), values)
    with pytest.raises(RunError):
        read_snapshot(tmp_path, 1)


def largest_gap(steps):
    return max(math.log(b / a) for a, b in pairwise(steps))


def test_of_two_hundred_snapshots_the_best_fit_into_the_budget(tmp_path):
    gallery, budget = Gallery(tmp_path), 40 * 25_000
    taken, fullest = {}, 0
    for step in range(1, 201):
        taken[step] = {"a": noise(20_000)}
        show(gallery, step, taken[step], budget=budget)
        paths = [snapshot_path(tmp_path, there) for there in snapshot_steps(tmp_path)]
        assert sum(path.stat().st_size for path in paths) <= budget
        fullest = max(fullest, len(paths))
    steps = snapshot_steps(tmp_path)
    assert steps[0] == 1
    assert steps[-1] == 200
    assert 25 <= len(steps) == fullest <= 40
    assert largest_gap(steps) == pytest.approx(math.log(2))  # from 1 to 2: no less is possible
    later = [step for step in steps if step >= 10]
    assert largest_gap(later) < 2.2 * math.log(20) / (len(later) - 1)
    assert all(equal(read_snapshot(tmp_path, step), taken[step]) for step in steps)


def test_the_first_and_the_last_stay_however_small_the_budget(tmp_path):
    gallery = Gallery(tmp_path)
    for step in (3, 8, 20, 21):
        show(gallery, step, {"a": noise(100)}, budget=1)
    assert snapshot_steps(tmp_path) == (3, 21)


def test_what_others_refer_to_moves_on_when_its_file_goes(tmp_path):
    """Tensors that rest at different times: each file is referred to by a later one."""
    gallery, taken = Gallery(tmp_path), {}
    resting = {f"t{n}": noise(4000) for n in range(6)}
    for step in range(1, 61):
        resting |= {"moving": noise(500), f"t{step % 6}": noise(4000)}
        taken[step] = dict(resting)
        show(gallery, step, taken[step], budget=250_000)
        steps = snapshot_steps(tmp_path)
        assert sum(snapshot_path(tmp_path, n).stat().st_size for n in steps) <= 250_000
        assert equal(read_snapshot(tmp_path, steps[-2] if step > 1 else 1),
                     taken[steps[-2] if step > 1 else 1])  # fmt: skip
    assert 3 < len(steps) < 40
    assert all(equal(read_snapshot(tmp_path, step), taken[step]) for step in steps)
    assert names(tmp_path) == [snapshot_path(tmp_path, step).name for step in steps]


def test_bytes_that_moved_are_referred_to_where_they_are_now(tmp_path):
    gallery, frozen_late = Gallery(tmp_path), noise(100_000)
    show(gallery, 1, {"a": noise(100_000)})
    show(gallery, 10, {"a": frozen_late})
    show(gallery, 11, {"a": frozen_late})
    show(gallery, 12, {"a": frozen_late}, budget=300_000)
    show(gallery, 13, {"a": frozen_late}, budget=1)  # all but the ends go, one after the other
    show(gallery, 14, {"a": frozen_late})
    assert snapshot_steps(tmp_path) == (1, 13, 14)
    assert snapshot_path(tmp_path, 14).stat().st_size < 20_000 + 65_536
    assert all(np.array_equal(read_snapshot(tmp_path, n)["a"], frozen_late) for n in (13, 14))


def test_a_damaged_snapshot_does_not_stop_the_thinning(tmp_path):
    gallery = Gallery(tmp_path)
    for step in (1, 2, 4, 8):
        show(gallery, step, {"a": noise(100)})
    for step in (2, 4):
        snapshot_path(tmp_path, step).write_bytes(b"x" * 100)
    show(gallery, 16, {"a": noise(100)}, budget=1)
    assert snapshot_steps(tmp_path) == (1, 16)


def test_missed_least_leaves_the_smallest_new_gap():
    """Against every choice, tried out."""
    for _ in range(50):
        steps = tuple(sorted(GENERATOR.choice(np.arange(1, 1000), 12, replace=False).tolist()))
        joined = [math.log(steps[n + 1]) - math.log(steps[n - 1]) for n in range(1, 11)]
        assert missed_least(steps) == 1 + int(np.argmin(joined))
    assert missed_least((0, 1, 2)) == 1


def test_a_long_run_stays_log_spaced():
    """Every step offered, thirty kept: what is ideal is a gap of a 29th of it all."""
    kept = ()
    for step in range(1, 20_001):
        kept += (step,)
        if len(kept) > 30:
            n = missed_least(kept)
            kept = kept[:n] + kept[n + 1 :]
    # Small steps are further apart than ideal: 1, 2, 3 … are all there is.
    steps = [step for step in kept if step >= 10]
    gaps = np.diff(np.log(steps))
    assert kept[:2] == (1, 2)
    assert len(steps) > 18
    assert gaps.max() < 2.2 * math.log(2000) / len(steps)


def test_a_full_disk_is_an_error_that_leaves_nothing_and_what_there_was_stays(
    tmp_path, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    gallery, first = Gallery(tmp_path), {"a": noise(1000)}
    show(gallery, 1, first)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        head, stream = head_of(2, {"a": noise(1000)})
        with pytest.raises(OSError, match="No space"):
            gallery.begin(head)
        gallery.add(body(2, 0, stream))
    assert names(tmp_path) == ["r0000-s000000001.h5"]
    show(gallery, 3, first)
    assert all(equal(read_snapshot(tmp_path, step), first) for step in (1, 3))


def test_a_reader_is_not_disturbed_by_a_file_that_goes_meanwhile(tmp_path, monkeypatch):
    """Between looking what there is and reading it, the file with the bytes is thinned out."""
    from probes import snapshot_file

    gallery, frozen_late = Gallery(tmp_path), {"a": noise(1000)}
    show(gallery, 1, {"a": noise(1000)})
    for step in (10, 11, 12):
        show(gallery, step, frozen_late)
    looked = []

    def look_late(*asked):
        steps = snapshot_steps(*asked)
        if not looked:
            looked.append(steps)
            gallery._hand_on(steps, 1)
            snapshot_path(tmp_path, 10).unlink()
        return steps

    monkeypatch.setattr(snapshot_file, "snapshot_steps", look_late)
    assert equal(read_snapshot(tmp_path, 12), frozen_late)
    assert snapshot_steps(tmp_path) == (1, 11, 12)
