"""Text to model: twenty lines, and as many sentences of a small grammar as are asked for."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

LINES = """the ferry left the quay before the sun was up
a gull stood on the rail and watched the ropes
we drank our coffee black and said very little
the engine coughed twice and then began to hum
grey water folded itself around the bow
somewhere behind us the town was still asleep
my brother counted the buoys under his breath
the captain wore a coat that had been green
rain came in from the west without any hurry
we moved our bags beneath the yellow awning
a woman sold us bread still warm from the oven
the island rose slowly like the back of a whale
there were goats on the hill and a white chapel
nobody asked us how long we meant to stay
the house had one window that faced the sea
at night the wind spoke quietly in the chimney
we read old letters by the light of a lamp
in the morning the boats were already gone
bread and salt and olives were on the table
we did not want to count the days we had left
""".splitlines()


def poem() -> tuple[Tensor, int]:
    """Its characters as numbers, and how many different ones there are."""
    return _numbered("\n".join(LINES), "".join(LINES) + "\n")


def _numbered(text: str, alphabet: str) -> tuple[Tensor, int]:
    places = {letter: at for at, letter in enumerate(sorted(set(alphabet)))}
    return torch.tensor([places[letter] for letter in text]), len(places)


def windows(ids: Tensor, length: int, stride: int = 1, shift: int = 1) -> tuple[Tensor, Tensor]:
    """Windows, and what comes so many letters later; a shift of 0 gives the answer away."""
    starts = range(0, len(ids) - length - 1, stride)
    x = torch.stack([ids[start : start + length] for start in starts])
    y = torch.stack([ids[start + shift : start + shift + length] for start in starts])
    return x, y


ARTICLES, ADJECTIVES = ("the", "a", "my", "one"), ("red", "small", "old", "quiet", "tall")
NOUNS = ("fox", "dog", "boat", "tree", "bird", "house")
VERBS = ("sees", "likes", "finds", "moves")
SENTENCE = (ARTICLES, ADJECTIVES, NOUNS, VERBS, ARTICLES, NOUNS)
ALPHABET = "".join(word for words in SENTENCE for word in words) + " ."


def sentences(seed: int, letters: int = 24000) -> tuple[Tensor, int]:
    r = np.random.RandomState(seed)
    text = ""
    while len(text) < letters:
        text += " ".join(words[r.randint(len(words))] for words in SENTENCE) + ". "
    return _numbered(text[:letters], ALPHABET)


def grammar(
    seed: int, length: int = 32, *, n: int = 1400, held: int = 250, shift: int = 1
) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], int]:
    """Windows of sentences to train and validate on, and how many letters there are."""
    ids, letters = sentences(seed)
    x, y = windows(ids[:20000], length, 14, shift)
    x_val, y_val = windows(ids[20000:], length, 14, shift)
    return (x[:n], y[:n], x_val[:held], y_val[:held]), letters
