"""What a preflight finds before the first step: on labelled trainings, sick, sibling and healthy.

    python -m benchmarks.preflight [--seeds 0 1] [--only NAME …] [--all]

The trainings are those of tests/zoo, of which limits were set on the practice; `--all` adds those
made since.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from diagnostics.checks import preflight
from tests.zoo import CASES
from tests.zoo.practice import PRACTICE

if TYPE_CHECKING:
    from diagnostics.flight import Preflight

BATCHES = 12
HALVES = (torch.float16, torch.bfloat16)


def main() -> int:
    asked = _parser().parse_args()
    torch.set_num_threads(1)
    rows = [
        row
        for name, spec in CASES.items()
        if asked.all or name.removesuffix("__ok") in PRACTICE
        if not asked.only or name in asked.only
        for seed in asked.seeds
        if (row := _row(name, spec, seed)) is not None
    ]
    for row in rows:
        print(_line(row))
    print(_summary(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--all", action="store_true", help="those made since, too")
    return parser


def _row(name: str, spec: Any, seed: int) -> dict[str, Any] | None:
    """One case; None where the loop is its own and there is no loss of outputs and targets."""
    case = spec.build(seed)
    if case.step_fn is not None:
        return None
    batches = [*itertools.islice(iter(case.train_loader), BATCHES)]
    case.model.train(case.train_mode)
    before = state_of(case.model, case.optimizer)
    begun = time.perf_counter()
    with _autocast(case.amp):
        flight = preflight(
            case.model, case.loss_fn, batches[0], optimizer=case.optimizer, batches=batches[1:]
        )
    seconds = time.perf_counter() - begun
    kept = _same(before, state_of(case.model, case.optimizer))
    return {
        "name": name,
        "seed": seed,
        "spec": spec,
        "flight": flight,
        "seconds": seconds,
        "kept": kept,
    }


def _autocast(amp: Any) -> Any:
    return torch.autocast("cpu", dtype=amp) if amp in HALVES else contextlib.nullcontext()


def state_of(model: Any, optimizer: Any) -> list[Any]:
    """All that a preflight must leave as it is."""
    parameters = [
        (
            n,
            p.detach().clone(),
            None if p.grad is None else p.grad.clone(),
            p.requires_grad,
            p._version,
        )
        for n, p in model.named_parameters()
    ]
    modules = [
        (n, m.training, len(m._forward_hooks), len(m._forward_pre_hooks))
        for n, m in model.named_modules()
    ]
    buffers = [(n, b.clone(), b._version) for n, b in model.named_buffers()]
    numpy_state = np.random.get_state()  # noqa: NPY002
    drawn = [
        random.getstate(),
        numpy_state[0],
        numpy_state[1].copy(),
        numpy_state[2:],
        torch.get_rng_state(),
    ]
    return [parameters, modules, buffers, optimizer.state_dict(), drawn, torch.get_default_dtype()]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(_bytes(one), _bytes(other))
    if isinstance(one, np.ndarray):
        return bool((one == other).all())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().contiguous().flatten().view(torch.uint8)


def _judged(row: dict[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """Labelled ones found, acceptable ones, and false ones."""
    flight: Preflight = row["flight"]
    spec = row["spec"]
    names = [f.disease for f in flight.findings if not f.because_of]
    names += [f.disease for f in flight.findings if f.because_of and f.disease in spec.diseases]
    found = [n for n in names if n in spec.diseases]
    near = [n for n in names if n in spec.acceptable and n not in found]
    return found, near, [n for n in names if n not in found and n not in near]


def _line(row: dict[str, Any]) -> str:
    found, near, wrong = _judged(row)
    flight: Preflight = row["flight"]
    kind = "healthy" if row["spec"].healthy else "sick   "
    hints = ",".join(f.disease for f in flight.hints)
    labels = ",".join(sorted(row["spec"].diseases))
    parts = [
        f"{row['name']:<34}{row['seed']} {kind} {row['seconds']:5.1f} s",
        "kept" if row["kept"] else "CHANGED",
        f"of {labels}:" if labels else "",
        f"found {','.join(found)}" if found else "",
        f"near {','.join(near)}" if near else "",
        f"FALSE {','.join(wrong)}" if wrong else "",
        f"(hints {hints})" if hints else "",
    ]
    broken = [f"{c.name}: {c.told}" for c in flight.checks if "could not be checked" in c.told]
    return "  ".join(part for part in (*parts, *broken) if part)


def _summary(rows: list[dict[str, Any]]) -> str:
    sick = [row for row in rows if not row["spec"].healthy]
    well = [row for row in rows if row["spec"].healthy]
    judged = {id(row): _judged(row) for row in rows}
    full = sum(set(judged[id(r)][0]) == set(r["spec"].diseases) for r in sick)
    told = sum(bool(judged[id(r)][0] or judged[id(r)][1]) for r in sick)
    alarms = sum(bool(judged[id(r)][2]) for r in well)
    stray = sum(bool(judged[id(r)][2]) for r in sick)
    spent = sorted(row["seconds"] for row in rows)
    kept = sum(row["kept"] for row in rows)
    return (
        f"\n{full} of {len(sick)} sick runs named before step 0, {told} with a labelled or "
        f"acceptable finding, {stray} with a stray one\n"
        f"{alarms} of {len(well)} healthy runs with a false alarm\n"
        f"{kept} of {len(rows)} left bit for bit as they were\n"
        f"median {spent[len(spent) // 2]:.1f} s, at most {spent[-1]:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
