"""How the gradient is shared between clean and corrupted examples, epoch by epoch."""

import numpy as np
import pandas as pd


def share_course(histograms: pd.DataFrame) -> pd.DataFrame:
    """Columns epoch, data_share and weight_share: the corrupted examples' fraction of all examples and of all weight.

    `histograms` holds rows of one source (epoch, quantity, population, total, counts). Empty where it is not known which
    labels are wrong, or none is; weight_share is NaN in an epoch without any weight.
    """
    rows = histograms[histograms["quantity"] == "weight"]
    columns = ["epoch", "data_share", "weight_share"]
    if "corrupted" not in set(rows["population"]):
        return pd.DataFrame(columns=columns, dtype=float)
    rows = rows.assign(size=rows["counts"].map(np.sum))
    sizes = rows.pivot_table(index="epoch", columns="population", values="size")
    totals = rows.pivot_table(index="epoch", columns="population", values="total")
    if not sizes["corrupted"].any():
        return pd.DataFrame(columns=columns, dtype=float)
    weight = totals.sum(axis=1)
    shares = {
        "data_share": sizes["corrupted"] / sizes.sum(axis=1),
        "weight_share": totals["corrupted"] / weight.where(weight > 0),
    }
    return pd.DataFrame(shares).reset_index()[columns]
