"""For Lightning: `Trainer(callbacks=[FathomCallback("runs/x")])`.

Gradients are seen as the optimizer sees them: accumulated, unscaled and after clipping, which
Lightning's own hook, `on_before_optimizer_step`, comes before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from probes.fits import Fits
from probes.recorder import Recorder

try:
    from lightning.pytorch import Callback
except ModuleNotFoundError:
    try:
        from pytorch_lightning import Callback
    except ModuleNotFoundError as error:
        raise ImportError(
            "probes.lightning needs Lightning, which is not installed: pip install lightning"
        ) from error


class FathomCallback(Callback):  # type: ignore[misc]  # Lightning is not there to be checked against
    """Records what `Trainer.fit` trains; `options` are the Recorder's.

    The loss of `training_step` is recorded as "loss", and what is given to `self.log` under the
    names Lightning logs it by ("acc", "acc_step", "acc_epoch"). Nothing waits for the device.

    A second fit of the same model goes on in the same folder, and so does a fit with `ckpt_path=`
    whose folder is there. Another model gets runs/x-2, and so on. `validate`, `test`, `predict`,
    the sanity check and the Tuner's trials are not recorded.
    """

    def __init__(self, path: str | os.PathLike[str], **options: Any) -> None:
        self._fits = Fits(path, options)
        self._last: dict[str, Tensor] = {}

    @property
    def recorder(self) -> Recorder | None:
        """The Recorder of the fit that is going on, for more to `log`."""
        return self._fits.recorder

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Devices, wrappers, optimizers and checkpoints are in place; no step has been made."""
        self._last = {}
        self._fits.begin(pl_module, trainer.optimizers, from_checkpoint=trainer.global_step > 0)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor):  # here divided by the batches that accumulate
            self._fits.log({"loss": loss * trainer.accumulate_grad_batches})
        self._log(trainer)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._log(trainer)  # of the epoch before: at its end, other callbacks still add to it

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self._log(trainer)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self._log(trainer)

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if stage == "fit":
            self._fits.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._fits.end(exception)

    def _log(self, trainer: Any) -> None:
        """What is new among the logged: Lightning keeps showing the old beside it."""
        if self._fits.recorder is None or trainer.sanity_checking:
            return
        logged = {name: v for name, v in trainer.logged_metrics.items() if isinstance(v, Tensor)}
        fresh = {
            name: value
            for name, value in logged.items()
            if name not in self._last or self._last[name].data_ptr() != value.data_ptr()
        }
        self._last.update(fresh)  # held on to, so that no new value can come to lie there
        self._fits.log(fresh)

    def __getstate__(self) -> dict[str, Any]:
        return {"_fits": self._fits, "_last": {}}  # not what Lightning hangs on its callbacks
