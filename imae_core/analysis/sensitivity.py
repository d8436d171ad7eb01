"""What the order of the losses owes to the recipe: one factor at a time, the others held still."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from imae_core.analysis.significance import Paired, adjusted, paired_test


@dataclass(frozen=True)
class FactorView:
    """means, stds, counts (losses, values of the factor) over seeds, where a seed's value is its mean over noise rates and other
    settings; only blocks in which every loss has every value of the factor count."""

    factor: str
    means: pd.DataFrame
    stds: pd.DataFrame
    counts: pd.DataFrame


@dataclass(frozen=True)
class Turn:
    """`first` is before `second` at the factor's value `here`, and behind it at `there`; each with its test."""

    factor: str
    first: str
    second: str
    here: str
    there: str
    test_here: Paired | None
    test_there: Paired | None

    @property
    def is_sure(self) -> bool:
        """Whether both differences are more than noise between seeds."""
        return all(test is not None and test.is_difference for test in (self.test_here, self.test_there))


def factor_view(values: pd.DataFrame, factor: str, others: Sequence[str]) -> FactorView | None:
    """A factor's effect on each loss, over the blocks (rate, seed, other factors) that have all of its values.

    Args:
        values: columns row (the loss), column (the noise rate), seed, value, and one a factor with its values as texts.
        others: the factors that are held still.
    """
    kept = _balanced(values, factor, others)
    if kept is None:
        return None
    by_seed = kept.groupby(["row", factor, "seed"], sort=False)["value"].mean()
    cells = by_seed.groupby(["row", factor], sort=False).agg(["mean", "std", "count"])
    means, stds, counts = (cells[name].unstack(factor, sort=False) for name in ("mean", "std", "count"))
    order = [value for value in dict.fromkeys(values[factor]) if value in means]
    return FactorView(factor, means[order], stds[order], counts[order])


def turns(values: pd.DataFrame, factor: str, others: Sequence[str], best: str) -> list[Turn]:
    """Pairs of losses whose order is another one at some value of the factor than at its first; sure ones first.

    The tests are paired over seeds, with Holm's correction over both ends of all turns of the factor.
    """
    view = factor_view(values, factor, others)
    if view is None or not best:
        return []
    kept = _balanced(values, factor, others)
    assert kept is not None
    sign = 1 if best == "max" else -1
    wide: Any = kept.pivot_table(index=["row", factor], columns="seed", values="value", sort=False)
    means: dict[tuple[str, str], float] = view.means.stack().to_dict()  # type: ignore[assignment]
    start, *rest = map(str, view.means.columns)
    found = []
    for a, b in combinations(map(str, view.means.index), 2):
        for there in rest:
            at_start = sign * (means[a, start] - means[b, start])
            at_there = sign * (means[a, there] - means[b, there])
            if at_start * at_there < 0:
                first, second = (a, b) if at_start > 0 else (b, a)
                tests = [
                    paired_test(wide.loc[(first, start)], wide.loc[(second, start)]),
                    paired_test(wide.loc[(second, there)], wide.loc[(first, there)]),
                ]
                found.append((first, second, there, tests))
    corrected = iter(adjusted([test for *_, tests in found for test in tests]))
    made = [
        Turn(factor, first, second, start, there, next(corrected), next(corrected)) for first, second, there, _ in found
    ]
    return sorted(made, key=lambda turn: not turn.is_sure)


def turn_sentence(turn: Turn, view: FactorView, name: str) -> str:
    """Such as "The order turns round with the learning rate: at 0.1 IMAE (90.8) is before MAE (83.5), at 0.01 …"."""

    def share(loss: str, value: str) -> str:
        return f"{loss} ({100 * float(view.means.loc[loss, value]):.1f})"  # type: ignore[arg-type]

    doubt = "" if turn.is_sure else " At least one of the two differences cannot be told from noise between seeds."
    return (
        f"The order turns round with the {name}: at {turn.here} {share(turn.first, turn.here)} is before "
        f"{share(turn.second, turn.here)}, at {turn.there} {share(turn.second, turn.there)} is before "
        f"{share(turn.first, turn.there)}.{doubt}"
    )


def _balanced(values: pd.DataFrame, factor: str, others: Sequence[str]) -> pd.DataFrame | None:
    """Only losses that have every value of the factor in some block, and only blocks in which all of these losses have."""
    known = values.dropna(subset=["value"])
    num_values = known[factor].nunique()
    if num_values < 2:
        return None
    block = ["column", "seed", *others]
    kept = known[known.groupby(["row", *block], sort=False)[factor].transform("nunique") == num_values]
    kept = kept[kept.groupby(block, sort=False)["row"].transform("nunique") == kept["row"].nunique()]
    return kept if len(kept) else None
