import pytest
import torch

from diagnostics import Run
from diagnostics.active.wish import Wish, held_out_of, subject_of
from probes.folder import FathomError


def test_a_run_without_a_program_takes_the_users_function(trained, tmp_path, monkeypatch):
    folder, last = trained
    torch.save(last["momentum"][2], tmp_path / "batch.pt")
    (tmp_path / "my_subject.py").write_text(
        "import torch\nfrom torch import nn\nfrom torch.nn import functional\n"
        "def make():\n"
        "    model = nn.Sequential(\n"
        "        nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3))\n"
        "    return model, functional.cross_entropy, torch.load('batch.pt')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    ours = subject_of(Run(folder / "momentum"), Wish(step=4, subject="my_subject:make"))
    theirs = Run(folder / "momentum").subject(4)
    assert ours.loss_at(ours.centre) == theirs.loss_at(theirs.centre)
    assert ours.about.step == 4


def test_held_out_data_may_come_from_a_function(run, tmp_path, monkeypatch):
    (tmp_path / "my_data.py").write_text(
        "import torch\ndef held_out():\n    torch.manual_seed(7)\n"
        "    return torch.randn(20, 4), torch.randint(3, (20,))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    subject = run.subject()
    found = held_out_of(subject, Wish(held_out="my_data:held_out"))
    torch.manual_seed(7)
    other = subject.on((torch.randn(20, 4), torch.randint(3, (20,))))
    assert found.loss_at(found.centre) == other.loss_at(other.centre)
    assert found.about.data == "held-out data of my_data:held_out"


def test_none_are_held_out_unless_it_is_wished(run):
    assert held_out_of(run.subject(), Wish()) is None


def test_where_none_were_recorded_it_says_how(run):
    with pytest.raises(FathomError, match="give it to the Recorder"):
        held_out_of(run.subject(), Wish(held_out="recorded"))


def test_re_estimated_statistics_are_not_of_the_data_that_is_held_out(
    run, trained, tmp_path, monkeypatch
):
    (tmp_path / "beside_data.py").write_text(
        "import torch\ndef held_out():\n    torch.manual_seed(7)\n"
        "    return torch.randn(20, 4), torch.randint(3, (20,))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    subject = run.subject(statistics="re-estimated")
    found = held_out_of(subject, Wish(held_out="beside_data:held_out"))
    model, _, (x, _) = trained[1]["momentum"]
    torch.manual_seed(7)
    other, target = torch.randn(20, 4), torch.randint(3, (20,))
    with torch.no_grad():
        seen, hidden = model[0](x), model[0](other)
        normed = (hidden - seen.mean(0)) / (seen.var(0, correction=0) + model[1].eps).sqrt()
        output = model[3]((normed * model[1].weight + model[1].bias).tanh())
    expected = float(torch.nn.functional.cross_entropy(output, target))
    assert found.loss_at(found.centre) == pytest.approx(expected, rel=1e-5)
