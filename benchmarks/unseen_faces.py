"""Architectures of Hugging Face, from their configurations at toy size, and tasks for them."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits, load_wine
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    ResNetConfig,
    ResNetForImageClassification,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

from benchmarks.unseen_lesson import Batch, Lesson, split

IGNORED = -100  # a label that these models leave out


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """As these models give it."""
    return model(**batch).loss


def accuracy(model: nn.Module, batch: Batch) -> float:
    """Of the labels that are asked for."""
    answers = model(**batch).logits.argmax(-1)
    asked = batch["labels"] != IGNORED
    return float((answers == batch["labels"])[asked].float().mean())


def next_accuracy(model: nn.Module, batch: Batch) -> float:
    """Of the next token."""
    answers = model(**batch).logits[:, :-1].argmax(-1)
    return float((answers == batch["labels"][:, 1:]).float().mean())


def bert() -> Lesson:
    """Masked tokens of counting sequences, padded to different lengths."""
    begins, ways = torch.randint(16, (3000, 1)), torch.randint(1, 3, (3000, 1))
    tokens = 2 + (begins + ways * torch.arange(12)) % 16
    there = torch.arange(12) < torch.randint(8, 13, (3000, 1))
    masked = (torch.rand(3000, 12) < 0.15) & there
    labels = torch.where(masked, tokens, IGNORED)
    data = {
        "input_ids": torch.where(masked, 1, torch.where(there, tokens, 0)),
        "attention_mask": there.long(),
        "labels": labels,
    }
    config = BertConfig(
        vocab_size=18,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=16,
    )
    return Lesson(BertForMaskedLM(config), loss, *split(data), accuracy, rate=2e-3, steps=900)


def gpt2() -> Lesson:
    """The characters of a data set's description."""
    text = load_digits().DESCR + load_wine().DESCR
    letters = sorted(set(text))
    ids = torch.tensor([letters.index(letter) for letter in text])
    data = {"input_ids": ids.unfold(0, 32, 4).contiguous()}
    held_out = len(data["input_ids"]) // 10  # the end of the text: the pieces overlap
    parts = (
        {"input_ids": data["input_ids"][: -held_out - 8]},
        {"input_ids": data["input_ids"][-held_out:]},
    )
    config = GPT2Config(vocab_size=len(letters), n_positions=32, n_embd=64, n_layer=2, n_head=4)
    training, validation = ({**part, "labels": part["input_ids"]} for part in parts)
    model = GPT2LMHeadModel(config)
    return Lesson(model, loss, training, validation, next_accuracy, rate=3e-3, steps=400)


def digits() -> Batch:
    """Images, standardised as a whole."""
    raw, labels = load_digits(return_X_y=True)
    images = torch.tensor(raw, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    return {"pixel_values": (images - 0.3) / 0.38, "labels": torch.tensor(labels)}


def vit() -> Lesson:
    """Digits in patches of two by two."""
    config = ViTConfig(
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        image_size=8,
        patch_size=2,
        num_channels=1,
        num_labels=10,
    )
    return Lesson(
        ViTForImageClassification(config), loss, *split(digits()), accuracy, rate=2e-3, steps=600
    )


def resnet() -> Lesson:
    """Digits, each pixel doubled."""
    data = digits()
    data["pixel_values"] = data["pixel_values"].repeat_interleave(2, 2).repeat_interleave(2, 3)
    config = ResNetConfig(
        num_channels=1,
        embedding_size=16,
        hidden_sizes=[16, 32],
        depths=[2, 2],
        layer_type="basic",
        num_labels=10,
    )
    return Lesson(ResNetForImageClassification(config), loss, *split(data), accuracy, rate=3e-3)


def whisper() -> Lesson:
    """Which tones were played, one after the other, in noise."""
    tones = torch.randint(10, (2500, 4))
    loud = nn.functional.one_hot(tones.repeat_interleave(8, 1), 10).float()  # [example, frame, bin]
    sound = (loud.repeat_interleave(2, 2) + 0.3 * torch.randn(2500, 32, 20)).transpose(1, 2)
    labels = torch.cat([tones + 3, torch.full((2500, 1), 2)], 1)  # 2 ends the answer
    config = WhisperConfig(
        vocab_size=13,
        num_mel_bins=20,
        d_model=48,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=96,
        decoder_ffn_dim=96,
        dropout=0.1,
        max_source_positions=16,
        max_target_positions=8,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    data = {"input_features": sound, "labels": labels}
    model = WhisperForConditionalGeneration(config)
    return Lesson(model, loss, *split(data), accuracy, rate=3e-3, steps=400)


def t5() -> Lesson:
    """A sequence again, each token by another, padded to different lengths."""
    tokens = torch.randint(2, 12, (4000, 6))
    there = torch.arange(6) < torch.randint(3, 7, (4000, 1))
    cipher = 2 + torch.randperm(10)
    data = {
        "input_ids": torch.where(there, tokens, 0),
        "attention_mask": there.long(),
        "labels": torch.where(there, cipher[tokens - 2], IGNORED),
    }
    config = T5Config(
        vocab_size=18,
        d_model=64,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        relative_attention_num_buckets=16,
        relative_attention_max_distance=16,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    model = T5ForConditionalGeneration(config)
    return Lesson(model, loss, *split(data), accuracy, rate=4e-3, steps=700)
