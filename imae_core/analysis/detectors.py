"""Detectors of wrong labels: what they are called, what they need, and the suspicion that each gives every example."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from imae_core.analysis.detection import suspicion
from imae_core.analysis.places import mean_ranks
from imae_core.analysis.suspicion_scores import (
    Scores,
    cross_entropy,
    forgetting_events,
    high_loss_component,
    label_quality_gap,
    neighbours_against,
    sieve_gap,
)
from imae_core.errors import BadInputError, unknown_name

DEFAULT_DETECTOR = "confidence"
OPTIONAL = ("trajectory", "pred_probs", "embeddings")  # fields of DetectorInputs
SAME_EVIDENCE = ("loss", "confident_learning")  # both the final probability of the given label
BLOCK = 65_536  # rows; probabilities are read and widened by blocks, not all at once


@dataclass(frozen=True)
class DetectorInputs:
    """What a run recorded about its N training examples; None where it did not.

    Attributes:
        given_labels: (N,) in [0, K).
        p_label: (N,) probability of the given label at an eval epoch; NaN where never evaluated.
        margin: (N,) z_y - max_{k != y} z_k at that epoch.
        num_classes: K.
        trajectory: N rows over the eval epochs up to that one, the columns of `TrajectoryStats.table`.
        pred_probs: (N, K) of the final net.
        embeddings: (N, D) of the final net.
    """

    given_labels: NDArray[np.int64]
    p_label: NDArray[np.floating]
    margin: NDArray[np.floating]
    num_classes: int
    trajectory: pd.DataFrame | None = None
    pred_probs: NDArray[np.floating] | None = None
    embeddings: NDArray[np.floating] | None = None


@dataclass(frozen=True)
class Detector:
    """`suspicion` maps inputs to scores (N,), higher is more likely wrong; `needs` names optional fields it reads."""

    name: str
    title: str
    help: str
    source: str
    needs: tuple[str, ...]
    suspicion: Callable[[DetectorInputs], Scores]


def _trajectory(inputs: DetectorInputs, column: str) -> NDArray[np.float64]:
    assert inputs.trajectory is not None
    return inputs.trajectory[column].to_numpy(dtype=np.float64)


def _correctness(inputs: DetectorInputs) -> Scores:
    return 1.0 - _trajectory(inputs, "num_correct") / np.maximum(_trajectory(inputs, "num_epochs"), 1)


def _forgetting(inputs: DetectorInputs) -> Scores:
    return forgetting_events(*(_trajectory(inputs, name) for name in ("forgetting", "num_correct", "num_epochs")))


def _label_quality_gap(inputs: DetectorInputs) -> Scores:
    assert inputs.pred_probs is not None
    return label_quality_gap(inputs.given_labels, inputs.pred_probs)


def _sieve_gap(inputs: DetectorInputs) -> Scores:
    assert inputs.pred_probs is not None
    return sieve_gap(inputs.given_labels, inputs.pred_probs)


def _neighbours_against(inputs: DetectorInputs) -> Scores:
    assert inputs.embeddings is not None
    return neighbours_against(inputs.given_labels, inputs.embeddings)


DETECTORS: dict[str, Detector] = {
    detector.name: detector
    for detector in (
        Detector("confidence", "Mean confidence", "One minus the mean probability of the given label over the epochs: "
                 "labels that the net took long to believe, or never did.",
                 "Swayamdipta et al. 2020, arXiv 2009.10795", ("trajectory",),
                 lambda inputs: suspicion(_trajectory(inputs, "mean_p_label"))),
        Detector("aum", "AUM (area under the margin)", "How far the given label's logit stays below the best other one, on "
                 "average over the epochs.", "Pleiss et al. 2020, arXiv 2001.10528", ("trajectory",),
                 lambda inputs: -_trajectory(inputs, "aum")),
        Detector("correctness", "Wrong epochs", "Share of the epochs in which the net did not predict the given label.",
                 "Swayamdipta et al. 2020, arXiv 2009.10795", ("trajectory",), _correctness),
        Detector("variability", "Low variability", "How little the probability of the given label moves over the epochs: a wrong "
                 "label that is never believed stays low. Weak alone, and the wrong way round where the net memorises: use it "
                 "beside another.", "hard-to-learn examples of Swayamdipta et al. 2020, arXiv 2009.10795", ("trajectory",),
                 lambda inputs: -np.sqrt(_trajectory(inputs, "variance_p_label"))),
        Detector("forgetting", "Forgetting", "How often the given label was learned and forgotten again; never learned is the "
                 "most.", "Toneva et al. 2019, arXiv 1812.05159", ("trajectory",), _forgetting),
        Detector("loss", "Loss", "Cross entropy of the given label at one epoch, whatever loss was trained with. It stops "
                 "telling once the net has memorised its labels.", "small-loss criterion: Arpit et al. 2017, arXiv 1706.05394",
                 (), lambda inputs: cross_entropy(inputs.p_label)),
        Detector("gmm", "Gaussian mixture of the loss", "Probability that the loss belongs to the higher of two populations.",
                 "DivideMix: Li et al. 2020, arXiv 2002.07394", (),
                 lambda inputs: high_loss_component(cross_entropy(inputs.p_label))),
        Detector("confident_learning", "Confident learning (cleanlab)", "One minus cleanlab's label quality, the final net's "
                 "probability of the given label. Made for out-of-sample probabilities, which a run in folds gives; in any "
                 "other run it ranks as the last epoch's loss does.", "Northcutt et al. 2021, arXiv 1911.00068",
                 ("pred_probs",), _label_quality_gap),
        Detector("cores", "CORES sieve", "Loss of the given label above the mean loss over all classes: more than 0 is "
                 "suspicious.", "Cheng et al. 2021, arXiv 2010.02347", ("pred_probs",), _sieve_gap),
        Detector("knn", "Nearest neighbours", "Share of the ten most similar examples, as the final net sees them, that have "
                 "another label.", "SimiFeat: Zhu et al. 2022, arXiv 2110.06283", ("embeddings",), _neighbours_against),
    )
}  # fmt: skip


def available(inputs: DetectorInputs) -> list[str]:
    """The names of the detectors whose needs are there, in the order of `DETECTORS`."""
    return possible({name for name in OPTIONAL if getattr(inputs, name) is not None})


def possible(recorded: Collection[str]) -> list[str]:
    """The same from the names of the optional fields that are there."""
    return [name for name, detector in DETECTORS.items() if set(detector.needs) <= set(recorded)]


def score(name: str, inputs: DetectorInputs) -> Scores:
    """(N,) float64, higher is more likely wrong; NaN for an example that was never evaluated.

    Raises BadInputError for an unknown name, and where the run lacks what the detector needs.
    """
    if name not in DETECTORS:
        raise unknown_name("detector", name, DETECTORS)
    missing = _missing(DETECTORS[name], inputs)
    if missing:
        raise BadInputError(
            f"the detector {name!r} needs {' and '.join(missing)}, which this run has not recorded (yet: "
            f"probabilities and embeddings are those of the last epoch); choose one of: {', '.join(available(inputs))}"
        )
    return DETECTORS[name].suspicion(inputs)


def mean_rank(names: Sequence[str], inputs: DetectorInputs) -> Scores:
    """(N,) mean over detectors of the fractional ranks in [0, 1]; 1 is the most suspicious to all of them.

    Raises BadInputError as `score`, and without any name.
    """
    if not names:
        raise BadInputError(f"give at least one detector; choose from: {', '.join(available(inputs))}")
    return mean_of_ranks([score(name, inputs) for name in names])


def scores_of(names: Sequence[str], inputs: DetectorInputs) -> tuple[dict[str, Scores], Scores]:
    """Of one detector or several, the scores (N,) by name, and the suspicion that ranks: the one's score, or their mean rank."""
    scores = {name: score(name, inputs) for name in names}
    return scores, scores[names[0]] if len(names) == 1 else mean_of_ranks(list(scores.values()))


def same_evidence(names: Sequence[str]) -> list[str]:
    """Those of `names` that rank alike at the last epoch, if there are several: in a mean rank they count twice."""
    found = [name for name in names if name in SAME_EVIDENCE]
    return found if len(found) > 1 else []


def mean_of_ranks(scores: Sequence[ArrayLike]) -> Scores:
    """(N,) mean of the fractional ranks of several scores, each (N,)."""
    return np.asarray(np.mean([fractional_rank(values) for values in scores], axis=0))


def fractional_rank(scores: ArrayLike) -> Scores:
    """(N,) rank / (N - 1), from 0 for the lowest to 1; ties share their mean rank, and NaN ranks lowest."""
    values = np.asarray(scores, dtype=np.float64)
    return (mean_ranks(np.where(np.isnan(values), -np.inf, values)) - 1) / max(len(values) - 1, 1)


def suspicion_order(scores: ArrayLike) -> NDArray[np.int64]:
    """(N,) rows from the most to the least suspicious; ties in row order, NaN last."""
    return np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")


def suggested_labels(inputs: DetectorInputs) -> NDArray[np.int64]:
    """(N,) the most probable class other than the given one.

    Never the given label, since whoever asks doubts it, and a net that has memorised it would only repeat it. Without
    probabilities (of the run, or of a row: NaN), and with one class, it is the given label: nothing can be suggested.
    """
    given = np.array(inputs.given_labels, dtype=np.int64)
    if inputs.pred_probs is None or inputs.num_classes < 2:
        return given
    for start in range(0, len(given), BLOCK):
        own = given[start : start + BLOCK]
        others = np.array(inputs.pred_probs[start : start + BLOCK], dtype=np.float32)
        others[np.arange(len(own)), own] = -1.0
        given[start : start + BLOCK] = np.where(np.isfinite(others).all(axis=1), others.argmax(axis=1), own)
    return given


def _missing(detector: Detector, inputs: DetectorInputs) -> list[str]:
    return [need for need in detector.needs if getattr(inputs, need) is None]
