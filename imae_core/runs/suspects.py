"""The suspicious labels of a run: what detectors need, read from its folder, and the ranking of all its examples."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imae_core.analysis.detectors import (
    DEFAULT_DETECTOR,
    DETECTORS,
    DetectorInputs,
    mean_of_ranks,
    possible,
    score,
    suggested_labels,
    suspicion_order,
)
from imae_core.analysis.trajectories import TrajectoryStats
from imae_core.errors import BadInputError, RunError
from imae_core.runs.folder import LABELS, ArrayName, RunFolder


def detector_inputs(folder: RunFolder, epoch: int | None = None) -> DetectorInputs:
    """What a run recorded, as of an eval epoch; None: the last one.

    The statistics of the trajectory are those up to that epoch. Probabilities and embeddings are the final net's, so
    they are there for the last epoch of a finished run alone. Raises RunError if nothing was evaluated yet, and
    BadInputError for an epoch without evaluation.
    """
    examples = folder.examples(LABELS)
    epochs = folder.epochs("eval")
    if not len(examples) or not epochs:
        raise RunError(f"run {folder.run_id} has not evaluated its training set yet; wait for its first evaluation")
    if epoch is not None and epoch not in epochs:
        known = ", ".join(map(str, epochs))
        raise BadInputError(f"run {folder.run_id} has no evaluation at epoch {epoch}; choose one of: {known}")
    at = epochs[-1] if epoch is None else epoch
    given = examples["given_label"].to_numpy(dtype=np.int64)
    dynamics = folder.dynamics_columns("eval", at, ["p_label", "margin", "predicted"])
    is_final = at == epochs[-1]
    pred_probs = folder.array("pred_probs")
    return DetectorInputs(
        given_labels=given,
        p_label=dynamics["p_label"],
        margin=dynamics["margin"],
        num_classes=_num_classes(examples, dynamics, pred_probs),
        trajectory=folder.trajectory()
        if is_final
        else _trajectory_until(folder, epochs[: epochs.index(at) + 1], given),
        pred_probs=pred_probs if is_final else None,
        embeddings=folder.array("embeddings") if is_final else None,
    )


def possible_detectors(folder: RunFolder) -> list[str]:
    """The names of the detectors whose needs the run has recorded; reads none of it."""
    arrays: tuple[ArrayName, ...] = ("pred_probs", "embeddings")
    recorded: list[str] = [name for name in arrays if folder.array(name) is not None]
    return possible([*recorded, *(["trajectory"] if folder.has_epochs("eval") else [])])


def suspects_table(
    folder: RunFolder, names: Sequence[str] = (DEFAULT_DETECTOR,), epoch: int | None = None
) -> pd.DataFrame:
    """Every training example of a run with its suspicion, in the order of its rows: none is left out.

    Args:
        names: detectors; the ranking is the one detector's score, or the mean rank of several.
        epoch: as of which eval epoch; None: the last one.

    Returns:
        index (row in the data set), given_label, true_label and is_corrupted (null where the truth is not known),
        predicted, suggested_label, a column for each of `names` (higher is more likely wrong), suspicion (what the
        ranking goes by), and rank, from 1 for the most suspicious to N.

    Raises what `detector_inputs` and `score` raise.
    """
    if not names:
        raise BadInputError(f"give at least one detector; choose from: {', '.join(DETECTORS)}")
    inputs = detector_inputs(folder, epoch)
    examples = folder.examples(LABELS)
    unknown = examples["true_label"] < 0
    at = folder.epochs("eval")[-1] if epoch is None else epoch
    scores = {name: score(name, inputs) for name in names}
    suspicion = scores[names[0]] if len(names) == 1 else mean_of_ranks(list(scores.values()))
    rank = np.empty(len(examples), dtype=np.int64)
    rank[suspicion_order(suspicion)] = np.arange(1, len(examples) + 1)
    table = {
        "index": examples["index"],
        "given_label": examples["given_label"],
        "true_label": examples["true_label"].astype("Int32").mask(unknown),
        "is_corrupted": examples["is_corrupted"].astype("boolean").mask(unknown),
        "predicted": folder.dynamics_columns("eval", at, ["predicted"])["predicted"].astype(np.int32),
        "suggested_label": suggested_labels(inputs),
        **scores,
        "suspicion": suspicion,
        "rank": rank,
    }
    return pd.DataFrame(table)


def _trajectory_until(folder: RunFolder, epochs: Sequence[int], given: NDArray[np.int64]) -> pd.DataFrame:
    """The running statistics as they were after the last of `epochs`."""
    stats = TrajectoryStats(len(given))
    for epoch in epochs:
        dynamics = folder.dynamics_columns("eval", epoch, ["p_label", "margin", "predicted"])
        stats.update(dynamics["p_label"], dynamics["margin"], dynamics["predicted"] == given)
    return pd.DataFrame(stats.table())


def _num_classes(
    examples: pd.DataFrame, dynamics: Mapping[str, NDArray[Any]], pred_probs: NDArray[np.floating] | None
) -> int:
    """As many as the probabilities have; before there are any, as many as labels and predictions name."""
    if pred_probs is not None:
        return int(pred_probs.shape[1])
    return int(max(examples["given_label"].max(), examples["true_label"].max(), dynamics["predicted"].max())) + 1
