"""What speaks against an estimate of the noise by confident learning, without knowing any truth."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

LEAST_EPOCHS = 10  # fewer evaluations do not tell what was learned late
LEAST_LATE = 0.01


def learned_late(given_labels: ArrayLike, predicted: ArrayLike, trajectory: pd.DataFrame) -> float | None:
    """Share of the examples whose given label the net predicts now, but did not believe over the run: memorised ones.

    Not believed: a mean probability of the given label below 1/2. None where fewer than `LEAST_EPOCHS` epochs were
    evaluated. given_labels and predicted (N,), trajectory N rows with the columns of `TrajectoryStats.table`.
    """
    if not len(trajectory) or trajectory["num_epochs"].max() < LEAST_EPOCHS:
        return None
    fitted = np.asarray(given_labels) == np.asarray(predicted)
    return float((fitted & (trajectory["mean_p_label"].to_numpy() < 0.5)).mean())


def doubt(noise_rate: float, agreement: float, test_accuracy: float | None, late: float | None) -> str:
    """Why an estimated noise rate is implausible, in words for people; "" where nothing speaks against it.

    The confident joint takes the net for a judge. It fails one way where the net has memorised what it judges (too
    low), and the other way where the net is poor, since its errors look like wrong labels (too high). So an estimate is
    doubted when what the net has memorised, or else its own error on the test set, is more than half of it; where no
    test accuracy is known, when the net disagrees with most given labels.

    Args: fractions in [0, 1].
        noise_rate: the estimate.
        agreement: share of the given labels that the net predicts.
        test_accuracy: of the same net; None: not known.
        late: what `learned_late` gives; None where it does not apply (few epochs; labels that the net has not seen).
    """
    if late is not None and late >= max(LEAST_LATE, noise_rate / 2):
        return (
            f"Probably too low: the net has memorised labels. It now predicts {100 * late:.1f} % of all given labels that it did not believe "
            "over the run, and confident learning takes those for right. A run in folds, or a loss that memorises less, "
            "gives a better estimate."
        )
    if test_accuracy is not None and noise_rate > 0 and 1 - test_accuracy > noise_rate / 2:
        return (
            f"Probably too high: the net itself is wrong on {100 * (1 - test_accuracy):.1f} % of the test set, and its errors look like wrong "
            "labels. A net that is trained longer or fits better gives a better estimate."
        )
    if test_accuracy is None and agreement < 0.5:
        return (
            f"Not plausible: the net predicts only {100 * agreement:.1f} % of the given labels. Unless most labels are wrong, it is a poor "
            "judge of them, and the estimate is too high."
        )
    return ""
