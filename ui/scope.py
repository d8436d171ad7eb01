"""What the scope component needs of a run: the binned counts, medians, shares and findings of all epochs."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from imae_core.analysis.findings import attention_sentence
from imae_core.analysis.shares import weight_shares
from imae_core.analysis.weights import WeightShare
from imae_core.catalog import LOSSES
from imae_core.config import RunConfig
from imae_core.curves import curve_on, uniform_p
from ui.figures import AXIS, COLOR, SERIES

TITLES = {"weight": "Weight", "p_label": "Probability of the given label", "loss": "Loss", "margin": "Margin"}
UNKNOWN = "Which labels are wrong is not known for this data set, so all examples are shown as one population."


def scope_payload(table: pd.DataFrame, config: RunConfig, total_epochs: int, name: str, whose: str) -> str:
    """JSON from the rows of one source of a histogram table (see runs/histograms.py); `whose` ends the chart's title."""
    epochs = sorted(int(epoch) for epoch in table["epoch"].unique())
    found = weight_shares(table)
    shares = None if found is None else list(found.values())
    payload = {
        "name": name,
        "whose": whose,
        "epochs": epochs,
        "total": total_epochs,
        "colors": COLOR | {"curve": SERIES[0]},
        "quantities": {quantity: _quantity(table[table["quantity"] == quantity], quantity) for quantity in TITLES},
        "findings": _findings(shares, epochs),
        "share": _share(shares),
        "curve": _curve(config),
    }
    return json.dumps(payload, separators=(",", ":"))


def _quantity(rows: pd.DataFrame, quantity: str) -> dict[str, Any]:
    first = rows.iloc[0]
    return {
        "title": TITLES[quantity],
        "axis": AXIS[quantity],
        "edges": {"low": first["low"], "high": first["high"]},
        "populations": {
            population: {
                "counts": [counts.tolist() for counts in part["counts"]],
                "medians": [_number(value) for value in part["median"]],
            }
            for population, part in rows.sort_values("epoch").groupby("population", sort=True)
            if sum(counts.sum() for counts in part["counts"])
        },
    }


def _number(value: float, digits: int = 4) -> float | None:
    return float(f"{value:.{digits}g}") if np.isfinite(value) else None


def _findings(shares: list[WeightShare] | None, epochs: list[int]) -> list[str]:
    if shares is None:
        return [UNKNOWN] * len(epochs)
    return [attention_sentence(now, shares[0] if place else None, epochs[0]) for place, now in enumerate(shares)]


def _share(shares: list[WeightShare] | None) -> Mapping[str, list[float | None]] | None:
    if shares is None or not shares[-1].num_corrupted:
        return None
    return {
        "data": [_number(share.data_share) for share in shares],
        "weight": [_number(share.weight_share) for share in shares],
    }


def _curve(config: RunConfig) -> dict[str, Any] | None:
    loss = config.loss
    if not LOSSES[loss.name].has_curve:
        return None
    p = uniform_p()
    weight = curve_on(loss.name, p, **loss.params)
    return {
        "name": LOSSES[loss.name].title.split(" (")[0],
        "p": [_number(value) for value in p[::5]],
        "weight": [_number(value) for value in weight[::5]],
    }
