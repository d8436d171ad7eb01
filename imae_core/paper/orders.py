"""Which of two losses was published as better, and whether ours agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from imae_core.paper.presets import Preset
from imae_core.paper.records import Setting, Table

Verdict = Literal["holds", "does not hold", "not known yet"]


@dataclass(frozen=True)
class Measured:
    """Mean, sample standard deviation (None for one run) and number of runs, in percent."""

    mean: float
    std: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Measured | None":
        """None without a value."""
        if not values:
            return None
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None, len(values))


@dataclass(frozen=True)
class Order:
    """Settings of one net and noise, rising in a metric as published, beside ours.

    `broken` names the pairs that stand the other way round in ours, `close` those whose difference is within one standard
    error of the seeds.
    """

    task: str
    metric: str
    published: str
    ours: str
    verdict: Verdict
    broken: tuple[str, ...]
    close: tuple[str, ...]


def orders(preset: Preset, ours: Mapping[tuple[Setting, str], Measured], metrics: Sequence[str]) -> tuple[Order, ...]:
    """Of every net and noise with two or more settings, and every metric; then the claims that were made in words."""
    found = []
    tasks: dict[tuple[str, str, float], list[Setting]] = {}
    for setting in preset.settings:
        tasks.setdefault(setting.task, []).append(setting)
    for settings in tasks.values():
        for metric in metrics:
            values = {
                one: numbers[metric]
                for one in settings
                if metric in (numbers := preset.table.results.get(preset.published_setting(one), {}))
            }
            if len(values) > 1:
                found.append(_order(preset.table, values, metric, ours))
    for claim in preset.table.claims:
        ranks = {one: float(place) for place, one in enumerate(claim.settings)}
        found.append(_order(preset.table, ranks, claim.metric, ours, claim.text))
    return tuple(found)


def _order(
    table: Table,
    values: Mapping[Setting, float],
    metric: str,
    ours: Mapping[tuple[Setting, str], Measured],
    claim: str = "",
) -> Order:
    rising = sorted(values, key=lambda one: values[one])
    names = _names(rising)
    measured = {one: ours[one, metric] for one in rising if (one, metric) in ours}
    broken, close = [], []
    for low, high in combinations(rising, 2):
        if low not in measured or high not in measured or values[low] == values[high]:
            continue
        gap = measured[high].mean - measured[low].mean
        if gap <= 0:
            by = f"{-gap:.1f} above" if gap < 0 else "level with"
            broken.append(f"{names[low]} {by} {names[high]}")
        if _is_close(measured[low], measured[high]):
            close.append(f"{names[low]} and {names[high]}")
    complete = len(measured) == len(rising)
    verdict: Verdict = "does not hold" if broken else "holds" if complete else "not known yet"
    ours_rising = sorted(measured, key=lambda one: measured[one].mean)
    first = rising[0]
    return Order(
        f"{first.net_title}, {first.noise_title}",
        metric,
        claim or " < ".join(f"{names[one]} {table.text(values[one])}" for one in rising),
        " < ".join(f"{names[one]} {measured[one].mean:.1f}" for one in ours_rising),
        verdict,
        tuple(broken),
        tuple(close),
    )


def _names(settings: Sequence[Setting]) -> dict[Setting, str]:
    """The loss alone where that is enough to tell the settings apart."""
    short = {one: one.loss_title.split(" (")[0] for one in settings}
    return {one: name if list(short.values()).count(name) == 1 else one.loss_title for one, name in short.items()}


def _is_close(a: Measured, b: Measured) -> bool:
    if a.std is None or b.std is None:
        return False
    return abs(a.mean - b.mean) <= float(np.sqrt(a.std**2 / a.n + b.std**2 / b.n))
