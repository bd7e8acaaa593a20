"""Transformers with Fathom: `pip install 'transformers[torch]'`, then
`python examples/transformers_run.py [folder]`.

A very small GPT-2, drawn at random, learns to count upwards. What Fathom takes is the import and
the callback.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

from probes.transformers import FathomCallback

WORDS, LENGTH = 32, 16


def counting(examples: int) -> list[dict[str, torch.Tensor]]:
    """Rows such as 5 6 7 8 …, which start anywhere and go round."""
    starts = torch.randint(0, WORDS, (examples, 1))
    rows = (starts + torch.arange(LENGTH)) % WORDS  # [example, place]
    return [{"input_ids": row, "labels": row} for row in rows]


def main(folder: Path) -> None:
    set_seed(0)
    config = GPT2Config(
        vocab_size=WORDS, n_positions=LENGTH, n_embd=32, n_layer=2, n_head=2,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as checkpoints:
        arguments = TrainingArguments(
            output_dir=checkpoints, use_cpu=True, max_steps=100, learning_rate=3e-3,
            per_device_train_batch_size=16, per_device_eval_batch_size=64,
            logging_steps=5, eval_strategy="steps", eval_steps=25, save_strategy="no",
            report_to="none", disable_tqdm=True,
        )  # fmt: skip
        Trainer(
            GPT2LMHeadModel(config),
            arguments,
            train_dataset=counting(1600),
            eval_dataset=counting(64),
            callbacks=[FathomCallback(folder)],
        ).train()
    print(f"Recorded {arguments.max_steps} steps in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/transformers"))
