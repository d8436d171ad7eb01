"""How well a run's rankings find wrong labels, epoch by epoch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from imae_core.analysis.detectors import available, scores_of
from imae_core.analysis.scorecard import MEASURES, measures
from imae_core.analysis.truth import truth_is_known
from imae_core.errors import BadInputError
from imae_core.runs.folder import LABELS, RunFolder
from imae_core.runs.suspects import inputs_by_epoch

MOST_EPOCHS = 40
MEAN_RANK = "suspicion"


def evenly_spread(epochs: Sequence[int], most: int) -> list[int]:
    """At most `most` of some rising epochs, the last among them, and the first if there is room for two."""
    if len(epochs) <= most:
        return list(epochs)
    places = np.linspace(len(epochs) - 1, 0, most).round().astype(int)
    return [epochs[place] for place in sorted(places)]


def detection_course(folder: RunFolder, names: Sequence[str], most: int = MOST_EPOCHS) -> pd.DataFrame:
    """Measures of rankings as of at most `most` evaluated epochs, spread evenly, the last included.

    Args:
        names: detectors; with several, their mean rank is measured too, under the name "suspicion".

    Returns:
        A row per epoch and ranking: epoch, ranking, and ROC-AUC (`auc`), `average_precision` and
        `precision_at_corrupted`, NaN where undefined. What a detector needs may be recorded at the last epoch alone (the
        final net's outputs); at the others it has no row, nor has the mean rank.

    Raises BadInputError where the truth is not known, RunError if nothing was evaluated yet.
    """
    examples = folder.examples(LABELS)
    if len(examples) and not truth_is_known(examples):
        raise BadInputError(
            f"it is not known which labels of run {folder.run_id} are wrong, so nothing can be measured"
        )
    truth = examples["is_corrupted"].to_numpy(dtype=bool) if len(examples) else ()
    rows = []
    for epoch, inputs in inputs_by_epoch(folder, evenly_spread(folder.epochs("eval"), most)):
        known = available(inputs)
        there = [name for name in names if name in known]
        if not there:
            continue
        scores, suspicion = scores_of(there, inputs)
        if len(names) > 1 and len(there) == len(names):
            scores = {MEAN_RANK: suspicion} | scores
        rows += [{"epoch": epoch, "ranking": name} | measures(values, truth) for name, values in scores.items()]
    return pd.DataFrame(rows, columns=["epoch", "ranking", *MEASURES])
