"""The loss of a run, told what it trains on."""

import numpy as np
from numpy.typing import NDArray

from imae_core.config import RunConfig
from imae_core.losses import Criterion, build_loss
from imae_core.noise import realized_matrix
from imae_core.training.labels import TrainingLabels


def criterion_of(config: RunConfig, labels: TrainingLabels, num_classes: int) -> Criterion:
    """The criterion that the config asks for, bound to these examples; BadInputError as `Criterion.bind`."""
    criterion = build_loss(config.loss.name, reduction=config.loss.reduction, **config.loss.params)
    criterion.max_log_odds = config.loss.max_log_odds
    criterion.bind(len(labels.given), num_classes, known_matrix(config, labels))
    return criterion


def known_matrix(config: RunConfig, labels: TrainingLabels) -> NDArray[np.float64] | None:
    """(K, K) the noise model's matrix; that of the labels themselves where a data set brought its own noise; None where the
    truth is not known."""
    if labels.true is None:
        return None
    model = labels.noise.transition_matrix
    return realized_matrix(labels.true, labels.given, model) if config.noise.is_none else model
