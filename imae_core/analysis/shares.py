"""How the gradient is shared between clean and corrupted examples, epoch by epoch, from binned counts."""

from typing import Any

import numpy as np
import pandas as pd

from imae_core.analysis.weights import WeightShare


def weight_shares(histograms: pd.DataFrame) -> dict[int, WeightShare] | None:
    """Of each epoch, rising; None where it is not known which labels are wrong.

    `histograms` holds rows of one source: epoch, quantity, population, median, total, counts (runs/histograms.py).
    """
    rows = histograms[histograms["quantity"] == "weight"].sort_values("epoch").set_index("population")
    if "corrupted" not in rows.index:
        return None
    pairs: Any = zip(rows.loc[["clean"]].itertuples(), rows.loc[["corrupted"]].itertuples(), strict=True)
    return {int(clean.epoch): _weight_share(clean, corrupted) for clean, corrupted in pairs}


def _weight_share(clean: Any, corrupted: Any) -> WeightShare:
    num_clean, num_corrupted = int(clean.counts.sum()), int(corrupted.counts.sum())
    total = clean.total + corrupted.total
    return WeightShare(
        num_examples=num_clean + num_corrupted,
        num_corrupted=num_corrupted,
        data_share=num_corrupted / max(num_clean + num_corrupted, 1),
        weight_share=corrupted.total / total if total > 0 else float("nan"),
        median_clean=clean.median,
        median_corrupted=corrupted.median,
    )


def share_course(histograms: pd.DataFrame) -> pd.DataFrame:
    """Columns epoch, data_share and weight_share: the corrupted examples' fraction of all examples and of all weight.

    Empty where it is not known which labels are wrong, or none is; weight_share is NaN in an epoch without any weight.
    """
    shares = weight_shares(histograms) or {}
    if not any(share.num_corrupted for share in shares.values()):
        shares = {}
    return pd.DataFrame(
        {
            "epoch": np.array(list(shares), dtype=np.int64),
            "data_share": np.array([share.data_share for share in shares.values()], dtype=np.float64),
            "weight_share": np.array([share.weight_share for share in shares.values()], dtype=np.float64),
        }
    )
