from __future__ import annotations

import gc
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.functional import cross_entropy, mse_loss

from probes import Batches, Recorder
from probes.loss_calls import INNER, LossCalls
from tests.probes.watching import Seen, Watching
from tests.trainings import mlp

ORIGINAL = {inner: getattr(inner.owner, inner.name) for inner in INNER}


@pytest.fixture(autouse=True)
def restored():
    yield
    gc.collect()
    assert {inner: getattr(inner.owner, inner.name) for inner in INNER} == ORIGINAL


def listening(heard):
    calls = LossCalls(heard)
    calls.listen(on=True)
    return calls


@pytest.fixture
def heard():
    """What a listener is told."""
    found = []
    calls = listening(found.append)
    yield found
    calls.leave()


def numbers(*shape, seed=0):
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return made.requires_grad_()


SCORES, LABELS, YES = numbers(6, 3), torch.tensor([0, 1, 2, 0, 1, 2]), torch.ones(6)
LIKE = numbers(6, 3, seed=1).detach()
LENGTHS = torch.tensor([8]), torch.tensor([2])
CALLS = {  # by the module's kind: the module, the function, and what both are given
    nn.CrossEntropyLoss: (functional.cross_entropy, (SCORES, LABELS)),
    nn.NLLLoss: (functional.nll_loss, (SCORES.log_softmax(1), LABELS)),
    nn.MultiMarginLoss: (functional.multi_margin_loss, (SCORES, LABELS)),
    nn.MSELoss: (functional.mse_loss, (SCORES, LIKE)),
    nn.L1Loss: (functional.l1_loss, (SCORES, LIKE)),
    nn.SmoothL1Loss: (functional.smooth_l1_loss, (SCORES, LIKE)),
    nn.HuberLoss: (functional.huber_loss, (SCORES, LIKE)),
    nn.BCELoss: (functional.binary_cross_entropy, (SCORES[:, 0].sigmoid(), YES)),
    nn.BCEWithLogitsLoss: (functional.binary_cross_entropy_with_logits, (SCORES[:, 0], YES)),
    nn.KLDivLoss: (functional.kl_div, (SCORES.log_softmax(1), LIKE.softmax(1))),
    nn.PoissonNLLLoss: (functional.poisson_nll_loss, (SCORES, LIKE.exp())),
    nn.CosineEmbeddingLoss: (functional.cosine_embedding_loss, (SCORES, LIKE, YES)),
    nn.MarginRankingLoss: (functional.margin_ranking_loss, (SCORES[:, 0], SCORES[:, 1], YES)),
    nn.TripletMarginLoss: (functional.triplet_margin_loss, (SCORES, LIKE, LIKE.flip(0))),
    nn.CTCLoss: (
        functional.ctc_loss,
        (numbers(8, 1, 4).log_softmax(2), torch.tensor([[1, 2]]), *LENGTHS),
    ),
}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("kind", CALLS, ids=lambda kind: kind.__name__)
def test_each_is_heard_as_module_and_as_function_and_gives_what_it_gave(kind, heard):
    function, given = CALLS[kind]
    outputs = [kind()(*given), function(*given)]
    target = given[2] if kind.__name__.startswith(("Cosine", "MarginR")) else given[1]
    expected = given[:1] if kind is nn.TripletMarginLoss else (given[0], target)
    assert [type(loss.module) for loss in heard] == [kind, kind]
    assert all(loss.is_loss for loss in heard)
    for loss, output in zip(heard, outputs, strict=True):
        assert loss.keywords["reduction"] == "mean"
        shown = [(tensor.data_ptr(), tensor.shape) for tensor in loss.inputs]
        assert shown == [(tensor.data_ptr(), tensor.shape) for tensor in expected]
        assert loss.output is output


def test_all_that_are_known_are_tested():
    assert {inner.kind for inner in INNER} == set(CALLS)


def test_a_function_imported_before_is_heard_with_its_settings(heard):
    weight = torch.tensor([1.0, 2.0, 3.0])
    cross_entropy(SCORES, LABELS, weight, label_smoothing=0.1, ignore_index=2, reduction="sum")
    mse_loss(SCORES, LIKE, reduction="none")
    functional.huber_loss(SCORES, LIKE, delta=0.5)
    nn.BCEWithLogitsLoss(pos_weight=weight)(SCORES, LIKE.sigmoid())
    first, *others = (dict(loss.keywords) for loss in heard)
    assert first.pop("weight") is weight
    assert first == {"reduction": "sum", "ignore_index": 2, "label_smoothing": 0.1}
    assert others[0] == {"reduction": "none"}
    assert others[1] == {"reduction": "mean", "delta": 0.5}
    assert others[2]["weight"] is None
    assert others[2]["pos_weight"] is weight


def test_values_and_gradients_are_those_without_a_listener():
    def run():
        scores = SCORES.detach().clone().requires_grad_()
        loss = functional.cross_entropy(scores, LABELS, label_smoothing=0.2)
        loss = loss + functional.kl_div(scores, LIKE.softmax(1), reduction="batchmean")
        loss.backward()
        return loss.detach(), scores.grad

    alone = run()
    calls = listening(lambda _: None)
    watched = run()
    calls.leave()
    assert all(torch.equal(a, b) for a, b in zip(alone, watched, strict=True))


@pytest.mark.parametrize("first", [0, 1])
def test_each_of_two_hears_until_it_leaves(first):
    heard = [[], []]
    ears = [listening(found.append) for found in heard]
    mse_loss(SCORES, LIKE)
    ears[first].leave()
    mse_loss(SCORES, LIKE)
    assert [len(found) for found in heard] == ([1, 2] if first == 0 else [2, 1])
    ears[1 - first].leave()
    mse_loss(SCORES, LIKE)
    assert sum(map(len, heard)) == 3


def test_who_does_not_listen_for_a_while_hears_nothing_and_functions_stay_replaced(heard):
    pausing = []
    calls = LossCalls(pausing.append)
    for on in (False, True, False, False, True):
        calls.listen(on=on)
        mse_loss(SCORES, LIKE)
    calls.listen(on=False)
    assert torch._C._nn.mse_loss is not ORIGINAL[INNER[3]]
    calls.leave()
    assert (len(pausing), len(heard)) == (2, 5)


class Judge(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss = functional.cross_entropy(x, y)
        return loss + torch.kl_div(x.log_softmax(1), x.softmax(1), 1)  # as F.kl_div comes down to


@pytest.mark.filterwarnings("ignore")
def test_scripts_and_compilers_take_them_for_what_they_are(heard):
    torch.compiler.reset()
    expected = ORIGINAL_JUDGE(SCORES, LABELS)
    made = {
        "script": torch.jit.script(Judge()),
        "compile": torch.compile(Judge(), backend="aot_eager", fullgraph=True),
        "export": torch.export.export(Judge(), (SCORES, LABELS)).module(),
    }
    heard.clear()
    for judge in made.values():
        assert torch.allclose(judge(SCORES, LABELS), expected)
    assert heard == []


ORIGINAL_JUDGE = Judge()


@pytest.mark.filterwarnings("ignore")
def test_what_a_compiler_met_first_under_a_listener_it_still_knows_after_it():
    from torch._dynamo import trace_rules

    known = trace_rules.get_torch_obj_rule_map()
    calls = listening(lambda _: None)
    rules = {inner: known.pop(ORIGINAL[inner]) for inner in INNER if ORIGINAL[inner] in known}
    assert rules
    for inner, rule in rules.items():  # as it would learn them now
        known[getattr(inner.owner, inner.name)] = rule
    calls.leave()
    assert {inner: known.get(ORIGINAL[inner]) for inner in rules} == rules
    torch.compiler.reset()
    judge = torch.compile(Judge(), backend="aot_eager", fullgraph=True)
    assert torch.allclose(judge(SCORES, LABELS), Judge()(SCORES, LABELS))


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.1)


def test_losses_of_training_are_shown_and_no_others():
    model, seen = mlp(), Seen()
    x, y = numbers(4, 8).detach(), torch.tensor([0, 1, 2, 0])
    with Watching(model, sgd(model), seen) as rig:
        model(x).sum().backward()
        rig.step()  # from here on it is known to be trained in training mode
        seen.passes.clear()
        model.eval()
        cross_entropy(model(x), y)  # a validation that forgot no_grad
        model.train()
        with torch.no_grad():
            cross_entropy(model(x), y)
        output = model(x)
        cross_entropy(output.detach(), y)  # a number to be logged
        thread = threading.Thread(target=cross_entropy, args=(output, y))
        thread.start()
        thread.join()
        with rig.watch.standing_still():
            cross_entropy(output, y)
        rig.watch.disarm()
        cross_entropy(output, y)
        rig.watch.arm()
        assert [whole.is_loss for whole in seen.passes] == [False]
        with torch.no_grad():
            model(x)  # a target of another kind
        cross_entropy(output, y).backward()
    assert [whole.is_loss for whole in seen.passes] == [False, True]
    assert seen.passes[1].inputs[0] is output


class Own(nn.Module):
    """Gives its loss with its answer, as language models do; and keeps another to itself."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x, y):
        logits = self.layer(x)
        self.penalty = functional.mse_loss(logits, torch.zeros_like(logits))
        return logits, functional.cross_entropy(logits, y)


def test_of_the_losses_inside_a_model_that_one_is_shown_which_it_gives():
    model, seen = Own(), Seen()
    with Watching(model, sgd(model), seen):
        _, loss = model(numbers(5, 4).detach(), torch.tensor([0, 1, 2, 0, 1]))
        loss.backward()
    assert [type(whole.module).__name__ for whole in seen.passes] == ["Own", "CrossEntropyLoss"]
    assert seen.passes[1].output is loss


@pytest.mark.filterwarnings("ignore")
def test_a_loss_beside_a_compiled_model_is_shown():
    torch.compiler.reset()
    model, seen = mlp(), Seen()
    fast = torch.compile(model, backend="aot_eager")
    x, y = numbers(4, 8).detach(), torch.tensor([0, 1, 2, 0])
    with Watching(fast, sgd(model), seen) as rig:
        for _ in range(2):
            cross_entropy(fast(x), y).backward()
            rig.step()
    assert [type(whole.module).__name__ for whole in seen.passes] == ["CrossEntropyLoss"] * 2


def test_nobody_listens_for_probes_that_do_not_ask(tmp_path):
    model = mlp()
    with Watching(model, sgd(model), Batches()):
        assert torch._C._nn.mse_loss is not ORIGINAL[INNER[3]]
    assert torch._C._nn.mse_loss is ORIGINAL[INNER[3]]
    with Recorder(model, sgd(model), tmp_path / "bare", probes=[]):
        assert torch._C._nn.mse_loss is ORIGINAL[INNER[3]]
    with Recorder(model, sgd(model), tmp_path / "usual"):
        assert torch._C._nn.mse_loss is not ORIGINAL[INNER[3]]
    assert torch._C._nn.mse_loss is ORIGINAL[INNER[3]]
