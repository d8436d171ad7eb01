"""The suspicious labels of a run: what detectors need, read from its folder, and the ranking of all its examples."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imae_core.analysis.detectors import (
    DEFAULT_DETECTOR,
    DETECTORS,
    DetectorInputs,
    possible,
    scores_of,
    suggested_labels,
    suspicion_order,
)
from imae_core.analysis.doubts import doubt, learned_late
from imae_core.analysis.noise_estimate import NoiseEstimate, estimate_noise
from imae_core.analysis.trajectories import TrajectoryStats
from imae_core.analysis.truth import truth_is_known
from imae_core.errors import BadInputError, RunError
from imae_core.runs.folder import LABELS, ArrayName, RunFolder

JUDGED = ("p_label", "margin", "predicted")  # what detectors read of an epoch
Columns = Mapping[str, NDArray[Any]]


def detector_inputs(folder: RunFolder, epoch: int | None = None) -> DetectorInputs:
    """What a run recorded, as of an eval epoch; None: the last one.

    The statistics of the trajectory are those up to that epoch. Probabilities and embeddings are the final net's, so
    they are there for the last epoch of a finished run alone. Raises RunError if nothing was evaluated yet, and
    BadInputError for an epoch without evaluation.
    """
    epochs = _evaluated(folder)
    if epoch is not None and epoch not in epochs:
        known = ", ".join(map(str, epochs))
        raise BadInputError(f"run {folder.run_id} has no evaluation at epoch {epoch}; choose one of: {known}")
    ((_, inputs),) = inputs_by_epoch(folder, [epochs[-1] if epoch is None else epoch])
    return inputs


def inputs_by_epoch(folder: RunFolder, wanted: Sequence[int]) -> Iterator[tuple[int, DetectorInputs]]:
    """The same as of each of the eval epochs `wanted`, rising, in one pass over the run; other numbers are passed over.

    Raises RunError if nothing was evaluated yet.
    """
    *earlier, last = _evaluated(folder)
    examples = folder.examples(LABELS)
    given = examples["given_label"].to_numpy(dtype=np.int64)
    stats, until = TrajectoryStats(len(given)), max(set(wanted) & set(earlier), default=0)
    for epoch in (epoch for epoch in earlier if epoch <= until):
        dynamics = folder.dynamics_columns("eval", epoch, JUDGED)
        stats.update(dynamics["p_label"], dynamics["margin"], dynamics["predicted"] == given)
        if epoch in wanted:
            yield epoch, _inputs(examples, given, dynamics, pd.DataFrame(stats.table()))
    if last in wanted:
        outputs = folder.array("pred_probs"), folder.array("embeddings")
        yield (
            last,
            _inputs(examples, given, folder.dynamics_columns("eval", last, JUDGED), folder.trajectory(), *outputs),
        )


def noise_estimate(folder: RunFolder) -> tuple[NoiseEstimate, str] | None:
    """How many labels of a run are wrong by confident learning, and in words what speaks against that ("" if nothing).

    None where the run has recorded no probabilities (yet). Raises RunError if nothing was evaluated yet, and
    what `estimate_noise` raises.
    """
    _evaluated(folder)
    pred_probs = folder.array("pred_probs")
    if pred_probs is None:
        return None
    given = folder.examples(["given_label"])["given_label"].to_numpy(dtype=np.int64)
    estimate = estimate_noise(given, pred_probs)
    predicted = pred_probs.argmax(axis=1)
    agreement = float((predicted == given).mean())
    test_accuracy = (folder.result() or {}).get("final_test_accuracy")
    late = learned_late(given, predicted, folder.trajectory())
    return estimate, doubt(estimate.noise_rate, agreement, test_accuracy, late)


def _evaluated(folder: RunFolder) -> list[int]:
    epochs = folder.epochs("eval")
    if not epochs or not len(folder.examples(["index"])):
        raise RunError(f"run {folder.run_id} has not evaluated its training set yet; wait for its first evaluation")
    return epochs


def _inputs(
    examples: pd.DataFrame,
    given: NDArray[np.int64],
    dynamics: Columns,
    trajectory: pd.DataFrame,
    pred_probs: NDArray[np.floating] | None = None,
    embeddings: NDArray[np.floating] | None = None,
) -> DetectorInputs:
    return DetectorInputs(
        given_labels=given,
        p_label=dynamics["p_label"],
        margin=dynamics["margin"],
        num_classes=_num_classes(examples, dynamics, pred_probs),
        trajectory=trajectory,
        pred_probs=pred_probs,
        embeddings=embeddings,
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
        index (row in the data set), given_label, true_label and is_corrupted (null where the truth is not known; a
        true_label of -1 says that no class is right),
        predicted, suggested_label, a column for each of `names` (higher is more likely wrong), suspicion (what the
        ranking goes by), and rank, from 1 for the most suspicious to N.

    Raises what `detector_inputs` and `score` raise.
    """
    if not names:
        raise BadInputError(f"give at least one detector; choose from: {', '.join(DETECTORS)}")
    inputs = detector_inputs(folder, epoch)
    examples = folder.examples(LABELS)
    unknown = np.full(len(examples), not truth_is_known(examples))
    at = folder.epochs("eval")[-1] if epoch is None else epoch
    scores, suspicion = scores_of(names, inputs)
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


def _num_classes(examples: pd.DataFrame, dynamics: Columns, pred_probs: NDArray[np.floating] | None) -> int:
    """As many as the probabilities have; before there are any, as many as labels and predictions name."""
    if pred_probs is not None:
        return int(pred_probs.shape[1])
    return int(max(examples["given_label"].max(), examples["true_label"].max(), dynamics["predicted"].max())) + 1
