"""For Hugging Face: `Trainer(…, callbacks=[FathomCallback("runs/x")])`.

Gradients are seen as the optimizer sees them: accumulated, unscaled and after clipping, which the
Trainer does by default (`max_grad_norm=1.0`). The norm before clipping is in its logs, and so in
the recording, as "grad_norm".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from probes.fits import Fits, innermost
from probes.recorder import Recorder

try:
    from transformers import TrainerCallback
except ModuleNotFoundError as error:
    raise ImportError(
        "probes.transformers needs Transformers, which is not installed: "
        "pip install 'transformers[torch]'"
    ) from error


class FathomCallback(TrainerCallback):  # type: ignore[misc]  # see probes/lightning.py
    """Records what `Trainer.train` trains; `options` are the Recorder's.

    Every number that the Trainer logs is recorded: loss, grad_norm, learning_rate, eval_…, as
    often as its `logging_steps` says. It hides a NaN loss from its logs, unless told
    `logging_nan_inf_filter=False`; gradients are recorded as they are.

    A second `train()` of the same model goes on in the same folder, and so does one with
    `resume_from_checkpoint=` whose folder is there. Another model, such as the next trial of a
    hyperparameter search, gets runs/x-2, and so on.

    The Trainer tells its callbacks of no exception. A run that it broke off is closed as failed
    when the interpreter ends or the next training begins; where both may take long, as in a
    notebook, `with FathomCallback("runs/x") as fathom:` around the training closes it at once.
    """

    def __init__(self, path: str | os.PathLike[str], **options: Any) -> None:
        self._fits = Fits(path, options)

    @property
    def recorder(self) -> Recorder | None:
        """The Recorder of the training that is going on, for more to `log`."""
        return self._fits.recorder

    def on_train_begin(
        self, args: Any, state: Any, control: Any, *, model: Any, optimizer: Any, **_: Any
    ) -> None:
        """Devices, wrappers, the optimizer and checkpoints are in place; no step has been made."""
        self._fits.begin(model, [innermost(optimizer)], from_checkpoint=state.global_step > 0)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], **_: Any
    ) -> None:
        self._fits.log(logs)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._fits.end()

    def __enter__(self) -> FathomCallback:  # noqa: PYI034  (Self is 3.11's)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._fits.end(error, completed=False)
