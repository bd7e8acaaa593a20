"""Series, text and words."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW

from tests.zoo import data, nets, text
from tests.zoo.core import Case, healthy
from tests.zoo.losses import CE
from tests.zoo.tasks import case, predict_text, regress, warm_cosine
from tests.zoo.transformers import GPT


@healthy()
def gru_series(seed: int) -> Case:
    m = nets.RNNHead("gru", 1, 32, 1)
    return regress(
        m, Adam(m.parameters(), 5e-3), data.sine_series(seed), seed, batch_size=64, steps=250
    )


@healthy()
def gpt_grammar(seed: int) -> Case:
    split, letters = text.grammar(seed)
    m = GPT(letters, 32)
    adamw = AdamW(m.parameters(), 4e-3, weight_decay=0.01)
    schedule = warm_cosine(adamw, 40, 420)
    return predict_text(
        m, adamw, split, seed, batch_size=32, steps=400, scheduler=schedule, grad_clip=1.0
    )


@healthy()
def tied_lm(seed: int) -> Case:
    """Input and output embedding are one matrix: one parameter in two modules."""
    split, letters = text.grammar(seed)
    m = nets.CharRNN(letters, 48, "gru", tie=True)
    return predict_text(
        m, Adam(m.parameters(), 5e-3), split, seed, batch_size=32, steps=250, grad_clip=2.0
    )


WORDS, TOPICS = 400, 8


class SkipGram(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb, self.out = nn.Embedding(WORDS, 16), nn.Linear(16, WORDS)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.emb(x))


@healthy()
def skipgram_embedding(seed: int) -> Case:
    """Words of which most are rare: most rows of the embedding have no gradient in most steps."""
    near, far = _neighbours(seed)
    m = SkipGram()
    nn.init.normal_(m.emb.weight, std=0.3)
    split = (near[:8000], far[:8000], near[8000:], far[8000:])
    fields = {"batch_size": 64, "steps": 200, "loss_fn": CE, "task": "embedding"}
    return case(m, Adam(m.parameters(), 1e-2), split, seed, **fields)


def _neighbours(seed: int) -> tuple[Tensor, Tensor]:
    """Two words of one topic each time, often common ones."""
    r = np.random.RandomState(seed)
    common = 1 / np.arange(1, WORDS + 1) ** 0.8
    topic = r.randint(0, TOPICS, WORDS)
    shares = [np.where(topic == k, common, common * 0.02) for k in range(TOPICS)]
    shares = [share / share.sum() for share in shares]
    topics = r.randint(0, TOPICS, 9000)
    near = [r.choice(WORDS, p=shares[k]) for k in topics]
    far = [r.choice(WORDS, p=shares[k]) for k in topics]
    return torch.tensor(np.array(near)), torch.tensor(np.array(far))
