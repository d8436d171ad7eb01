"""How well a score finds corrupted examples."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imae_core.analysis.scorecard import measures


def suspicion(mean_p_label: ArrayLike) -> NDArray[np.float64]:
    """(N,) one minus the mean of p_label over the eval epochs: higher is more likely to be wrong.

    A trajectory score, because a final-epoch loss no longer tells once a net has memorised its labels.
    """
    return 1.0 - np.asarray(mean_p_label, dtype=np.float64)


def detection_auc(scores: ArrayLike, is_corrupted: ArrayLike) -> float | None:
    """ROC-AUC of suspicion scores (N,) against is_corrupted (N,); None if only one population is there."""
    auc = measures(scores, is_corrupted)["auc"]
    return None if np.isnan(auc) else auc
