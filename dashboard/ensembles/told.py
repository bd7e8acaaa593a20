"""What is said under the picture: who the members are, what averaging gains, and the numbers."""

from __future__ import annotations

import numpy as np

from dashboard.about import conditions
from dashboard.dropout.band import WIDTH
from dashboard.dropout.doubt import has_tenths
from dashboard.ensembles.as_draws import doubt_in, shown
from dashboard.ensembles.beside import Beside, Drawn, Row, has_likelihoods, rows_of, whole
from dashboard.ensembles.gain import is_known
from dashboard.ensembles.naming import KINDS, distance_name, error_name, spread_name
from dashboard.named_numbers import Named
from dashboard.wording import layers, number
from diagnostics.active.ensemble import PlacedEnsemble
from diagnostics.ensemble import Ensemble

RECORDED = "recorded batch"
SEEN = (
    "These examples are of the recorded batch: if they were trained on, look at held-out ones "
    "(--held-out) before any of this is believed."
)
OF_ALL = "of all together; ± as these happened to be drawn"
LIMIT_MEANING = "error that would stay of infinitely many such members"


def caption(found: Drawn) -> str:
    """What is wrong first; who the members are, what is drawn, and what averaging gains."""
    both = whole(found)
    of = both.placed.ensemble
    seen = (each.symptom[:1].upper() + each.symptom[1:] for each in of.findings)
    who = f"{KINDS[of.kind].capitalize()} of {len(of.names)}: {layers(of.names)}."
    parts = [*seen, who, _what(both.placed), _gained(of), _compared(both)]
    return " ".join([*filter(None, parts), conditions(of.about)])


def _what(placed: PlacedEnsemble) -> str:
    of = shown(placed)
    if of.uncertainty.reading.classes:
        tenths = ""
        if has_tenths(doubt_in(of)):
            tenths = (
                " By tenths: the share that is wrong, with its 95 % interval; dotted, that of all."
            )
        return (
            "Each example's predictive entropy is the entropy of single members, expected, and "
            f"the mutual information, which is the {spread_name(of)}.{tenths}"
        )
    where = f"Drawn at {of.about.data}. " if placed.along else ""
    total = (
        "" if of.uncertainty.total else " The targets' noise is not known, so no total is drawn."
    )
    return f"{where}Bands: the {spread_name(of)}, {WIDTH} standard deviations either way.{total}"


def _gained(of: Ensemble) -> str:
    if of.gain is None:
        return "No targets that fit the predictions are known, so no error is drawn."
    if not is_known(of.gain):
        return "Some predictions or targets are not finite, so no error is drawn."
    gained, limit = of.gain.gained, of.gain.limit
    told = (
        f"Averaging {len(of.names)} takes {_pm(gained.value[-1], gained.error[-1])} off the "
        f"{error_name(of)} of one, {number(float(of.gain.error.value[0]))}; of infinitely many "
        f"such members {number(float(limit.value))} would stay, since their errors correlate by "
        f"{number(of.gain.correlation)}."
    )
    if np.isfinite(of.gain.error.error).all():  # none of a single example
        told += " The area about the error is ± its standard error."
    if of.about.data.endswith(RECORDED):
        return f"{told} {SEEN}"
    return told


def _compared(found: Beside) -> str:
    rows = rows_of(found)
    if not rows:
        return ""
    told = (
        "Below, a dropout ensemble at the same step, on the same data: a larger spread is not a "
        "better one"
    )
    return f"{told}; the log likelihood tells which fits." if has_likelihoods(rows) else f"{told}."


def _pm(value: float, error: float) -> str:
    return number(float(value)) + (f" ± {error:.1g}" if np.isfinite(error) else "")


def numbers(found: Drawn) -> tuple[Named, ...]:
    """Averages over the examples with their errors, and each member's likelihood."""
    both = whole(found)
    of = both.placed.ensemble
    named = [
        Named("members", len(of.names), layers(of.names)),
        _spread(of, "mean over examples"),
    ]
    if both.placed.along:
        on = both.placed.along.ensemble
        named.append(_spread(on, f"mean over {on.about.data}"))
    named += [_apart(of), *_errors(of), *_likelihoods(of)]
    for row in rows_of(both)[1:]:
        named += _other(row)
    return tuple(named)


def _other(row: Row) -> list[Named]:
    """The dropout ensemble's, on the same examples."""
    both = [Named(row.name, float(row.spread.value), "its spread", float(row.spread.error))]
    if row.log_likelihood:
        mean = row.log_likelihood
        name = f"log likelihood, {row.name}"
        both.append(Named(name, float(mean.value), OF_ALL, float(mean.error)))
    return both


def _spread(of: Ensemble, over: str) -> Named:
    classes = of.uncertainty.reading.classes
    what = "mutual information, nats" if classes else "variance over the members"
    spread = of.uncertainty.average
    meaning = f"{what}; {over}, ± standard error"
    return Named(spread_name(of), float(spread.value), meaning, float(spread.error))


def _apart(of: Ensemble) -> Named:
    """Of every two."""
    pairs = of.distance[np.triu_indices(len(of.names), 1)]
    between = f"of two members, on average; from {number(pairs.min())} to {number(pairs.max())}"
    return Named(distance_name(of), float(pairs.mean()), between)


def _errors(of: Ensemble) -> tuple[Named, ...]:
    if of.gain is None or not is_known(of.gain):
        return ()
    gain, name = of.gain, error_name(of)
    rows = (
        (f"{name}, one member", gain.error.value[0], "each alone, on average", gain.error.error[0]),
        (f"{name}, their mean", gain.error.value[-1], "of all together", gain.error.error[-1]),
        ("gained", gain.gained.value[-1], "by averaging, paired", gain.gained.error[-1]),
        ("limit", float(gain.limit.value), LIMIT_MEANING, float(gain.limit.error)),
        ("correlation", gain.correlation, "of two members' errors", np.nan),
    )
    return tuple(Named(name, float(v), meaning, float(e)) for name, v, meaning, e in rows)


def _likelihoods(of: Ensemble) -> tuple[Named, ...]:
    if of.likelihood is None:
        return ()
    mean, alone = of.likelihood.mean, of.member_log_likelihood
    worst, best = int(alone.argmin()), int(alone.argmax())
    between = (
        f"each alone, on average; from {number(alone[worst])} ({of.names[worst]}) "
        f"to {number(alone[best])} ({of.names[best]})"
    )
    return (
        Named("log likelihood", float(mean.value), OF_ALL, float(mean.error)),
        Named("log likelihood, one member", float(alone.mean()), between),
    )
