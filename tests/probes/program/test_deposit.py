from __future__ import annotations

import logging
import re

import pytest
import torch
from torch import nn

from probes.program.deposit import Deposit
from probes.program_file import PROGRAM
from probes.troubles import Troubles
from tests.probes.program.models import ENTROPY, mlp, vectors


class Slow:
    """An outbox that takes little at a time."""

    def __init__(self, room=100):
        self.room, self.events, self.heads, self.sent = room, [], [], b""

    def begin_program(self, head):
        self.heads.append(head)

    def send_piece(self, offset, chunk):
        assert offset == len(self.sent)
        self.sent += bytes(chunk)

    def event(self, step, kind, text):
        self.events.append((step, kind, text))


def handed(model, loss, batch, folder, held_out=None):
    desk, troubles = Slow(), Troubles(folder)
    deposit = Deposit(model, loss, batch, folder, held_out)
    deposit.hand_over(desk, troubles, 3)
    deposit.close(troubles)
    return desk


def test_the_batch_leaves_piece_by_piece(tmp_path):
    x, y = vectors(64)
    desk = handed(mlp(), ENTROPY, (x, y), tmp_path)
    [head] = desk.heads
    rows = {row["name"]: row for row in head["tensors"]}
    for name, tensor in (("input:inputs", x), ("input:target", y)):
        at = rows[name]["offset"]
        assert desk.sent[at : at + rows[name]["bytes"]] == tensor.numpy().tobytes()
    assert desk.events == []


def test_a_refusal_is_said_once_and_recorded(tmp_path, caplog):
    class Branch(nn.Linear):
        def forward(self, x):
            return super().forward(x) if x.sum() > 0 else -super().forward(x)

    with caplog.at_level(logging.WARNING, "fathom"):
        desk = handed(Branch(6, 5), ENTROPY, vectors(), tmp_path)
    [(step, kind, text)] = desk.events
    assert (step, kind) == (3, "program")
    assert text.startswith("the loss program is not recorded: Python decides by the value")
    [warning] = [r.getMessage() for r in caplog.records if r.name == "fathom"]
    assert text[:-1] in warning
    assert warning.endswith("Training goes on, and all else is recorded.")
    assert desk.heads == []


def test_a_note_is_recorded_and_not_said(tmp_path, caplog):
    desk = handed(mlp(), ENTROPY, vectors(1), tmp_path)
    assert desk.events == [(3, "program", "recorded with a batch of one: fixed")]
    assert not [r for r in caplog.records if r.name == "fathom"]


def test_whatever_goes_wrong_training_goes_on(tmp_path):
    class Broken(nn.Module):
        def named_parameters(self, *_, **__):
            raise RuntimeError("of their own.\nAnd much more.")

    desk = handed(Broken(), ENTROPY, vectors(), tmp_path)
    [(_, _, text)] = desk.events
    assert "RuntimeError: of their own. Or analyse live: Subject(model, loss, batch)" in text
    assert "much more" not in text


@pytest.mark.parametrize("there_is_one", [True, False])
def test_without_a_batch_or_with_a_program_nothing_is_run(tmp_path, there_is_one):
    class Never(nn.Module):
        def forward(self, x):
            raise AssertionError("called")

    if there_is_one:
        (tmp_path / PROGRAM).write_text("{}")
    desk = handed(Never(), ENTROPY, vectors() if there_is_one else None, tmp_path)
    assert (desk.events, desk.heads) == ([], [])


def test_a_scribe_that_takes_nothing_is_given_up_and_it_is_said(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("probes.sending.STALLED", 0.1)
    desk, troubles = Slow(room=0), Troubles(tmp_path)
    deposit = Deposit(mlp(), ENTROPY, vectors(), tmp_path)
    deposit.hand_over(desk, troubles, 0)
    deposit.close(troubles)
    assert "not stored: TimeoutError: the scribe took nothing" in caplog.text


def test_the_batch_may_change_once_it_is_captured(tmp_path):
    x, y = vectors()
    deposit, kept = Deposit(mlp(), ENTROPY, (x, y), tmp_path), x.clone()
    x.zero_()
    desk, troubles = Slow(1 << 20), Troubles(tmp_path)
    deposit.hand_over(desk, troubles, 0)
    deposit.close(troubles)
    assert kept.numpy().tobytes() in desk.sent
    assert torch.equal(x, torch.zeros(8, 6))


def test_what_is_held_out_leaves_beside_the_batch(tmp_path):
    (x, y), (u, v) = vectors(6), vectors(3)
    desk = handed(mlp(), ENTROPY, (x, y), tmp_path, (u, v))
    rows = {row["name"]: row for row in desk.heads[0]["tensors"]}
    sent = {"input:inputs": x, "input:target": y, "held_out:inputs": u, "held_out:target": v}
    assert rows.keys() == sent.keys()
    for name, tensor in sent.items():
        at = rows[name]["offset"]
        assert desk.sent[at : at + rows[name]["bytes"]] == tensor.numpy().tobytes()


@pytest.mark.parametrize(
    ("held_out", "said"),
    [
        ((torch.zeros(3, 7), torch.zeros(3, dtype=torch.int64)), r"'inputs' is of shape \[3, 7\]"),
        (3.5, "batch is a float, and loss"),
    ],
)
def test_what_does_not_fit_is_said_and_the_program_is_recorded(tmp_path, caplog, held_out, said):
    with caplog.at_level(logging.WARNING, "fathom"):
        desk = handed(mlp(), ENTROPY, vectors(), tmp_path, held_out)
    [(step, kind, text)] = desk.events
    assert (step, kind) == (3, "program")
    assert re.match(rf"the held-out batch is not recorded: {said}", text)
    [warning] = [r.getMessage() for r in caplog.records if r.name == "fathom"]
    assert text.rstrip(".") in warning
    names = {row["name"] for row in desk.heads[0]["tensors"]}
    assert names == {"input:inputs", "input:target"}


def test_an_error_that_nobody_foresaw_costs_what_is_held_out_alone(tmp_path, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("probes.program.held_out.check_fits", fail)
    desk = handed(mlp(), ENTROPY, vectors(), tmp_path, vectors())
    [(_, _, text)] = desk.events
    assert text.startswith("the held-out batch is not recorded: ZeroDivisionError: of ours.")
    assert len(desk.heads) == 1


def test_without_a_program_nothing_is_said_of_what_is_held_out(tmp_path):
    class Branch(nn.Linear):
        def forward(self, x):
            return super().forward(x) if x.sum() > 0 else -super().forward(x)

    desk = handed(Branch(6, 5), ENTROPY, vectors(), tmp_path, vectors())
    assert len(desk.events) == 1
    assert desk.events[0][2].startswith("the loss program is not recorded")
