"""Drawing given labels from true ones, and whose inputs are changed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imae_core.catalog import NOISES, NoiseEntry, lookup
from imae_core.errors import BadInputError
from imae_core.noise.drawing import Labels, draw_by_class, realized_matrix
from imae_core.noise.inputs import InputChange, change_inputs
from imae_core.noise.instance import draw_by_instance
from imae_core.noise.matrices import BUILDERS, Matrix, check_sizes
from imae_core.noise.streams import child_seed, generator
from imae_core.noise.superclasses import swap_in_superclasses


@dataclass(frozen=True)
class LabelNoise:
    """Examples after corruption.

    Attributes:
        given_labels: (N,) int64, what training sees.
        true_labels: (N,) int64, -1 where no class is right: `open_set` put in a picture of something else.
        is_corrupted: (N,) bool: given != true, or a changed input.
        transition_matrix: (K, K) the model's probabilities, [true, given]; of `instance_dependent` the mean by true class.
            Noise that changes inputs keeps every label: the identity.
        realized_transition_matrix: (K, K) the shares that were drawn; a class without examples keeps its model row.
        realized_noise_rate: fraction of examples that are corrupted, in [0, 1].
        input_change: what becomes of whose inputs; None where noise changes labels alone.
    """

    given_labels: NDArray[np.int64]
    true_labels: NDArray[np.int64]
    is_corrupted: NDArray[np.bool_]
    transition_matrix: Matrix
    realized_transition_matrix: Matrix
    realized_noise_rate: float
    input_change: InputChange | None = None


def corrupt_labels(
    true_labels: ArrayLike,
    num_classes: int,
    kind: str = "symmetric",
    rate: float = 0.4,
    seed: int = 0,
    *,
    inputs: Any = None,
    num_source: int | None = None,
    **params: Any,
) -> LabelNoise:
    """Corrupts labels once, from the true ones; each example independently, but for `superclass_swap`'s exact shares.

    Args:
        true_labels: (N,) integers in [0, num_classes).
        num_classes: K >= 2.
        kind: a name of `catalog.NOISES`.
        rate: requested noise rate in [0, 1]; what it means for the overall rate depends on the kind.
        seed: of the noise alone; the same seed gives the same labels on every machine (NumPy's PCG64 generator).
        inputs: (N, ...), for `instance_dependent` noise, or a mixture with it; standardised per feature here.
        num_source: how many pictures the source of `open_set` noise has.
        params: of the kind, see `catalog.NOISES`.

    Raises:
        BadInputError: labels that are no integers or out of range, an unknown kind or parameter, a rate outside of
            [0, 1], a matrix that is not row-stochastic, missing inputs.
    """
    entry: NoiseEntry = lookup(NOISES, kind, "noise model")
    K, checked_rate = check_sizes(num_classes, rate)
    values = entry.validate(params)
    labels = _checked_labels(true_labels, K)
    if isinstance(seed, bool) or int(seed) != seed or seed < 0:
        raise BadInputError(f"seed must be a whole number of at least 0, got {seed!r}")
    if inputs is not None and not hasattr(inputs, "shape"):
        inputs = np.asarray(inputs)
    if not entry.changes_inputs:
        given, matrix = _drawn(labels, K, kind, checked_rate, int(seed), inputs, values)
        return _label_noise(labels, given, matrix)
    change = change_inputs(kind, len(labels), checked_rate, int(seed), num_source, values)
    return _input_noise(labels, K, change)


def _drawn(
    labels: Labels, K: int, kind: str, rate: float, seed: int, inputs: Any, values: dict[str, Any]
) -> tuple[Labels, Matrix]:
    """Given labels and the model's matrix."""
    if kind == "mixture":
        return _mixed(labels, K, seed, inputs, values.get("components"))
    if kind == "superclass_swap":
        return swap_in_superclasses(labels, K, rate, seed, values.get("superclasses"))
    if kind == "instance_dependent":
        return draw_by_instance(labels, K, rate, seed, inputs, **values)
    matrix = BUILDERS[kind](K, rate, values)
    return draw_by_class(labels, matrix, seed), matrix


def _mixed(
    labels: Labels, K: int, seed: int, inputs: Any, components: list[dict[str, Any]] | None
) -> tuple[Labels, Matrix]:
    """Hands each example to one part or none, then lets each part draw on its own examples, from a seed of its own."""
    if components is None:
        raise BadInputError("mixture needs components, a list of kinds with their shares and rates")
    shares = np.array([part["share"] for part in components])
    owner = np.searchsorted(np.cumsum(shares), generator(seed, 0).random(len(labels)), side="right")
    given, matrix = labels.copy(), max(0.0, 1 - shares.sum()) * np.eye(K)
    for place, part in enumerate(components):
        rows = np.flatnonzero(owner == place)
        theirs = None if inputs is None else _Rows(inputs, rows)
        own_seed = child_seed(seed, 1, place)
        given[rows], of_part = _drawn(labels[rows], K, part["kind"], part["rate"], own_seed, theirs, part["params"])
        matrix += part["share"] * of_part
    return given, matrix


class _Rows:
    """Some rows of inputs, read when they are asked for."""

    def __init__(self, inputs: Any, rows: Labels) -> None:
        self.inputs = inputs
        self.rows = rows
        self.shape = (len(rows), *inputs.shape[1:])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: Labels) -> Any:
        return self.inputs[self.rows[places]]


def _label_noise(labels: Labels, given: Labels, matrix: Matrix) -> LabelNoise:
    is_corrupted = given != labels
    return LabelNoise(
        given_labels=given,
        true_labels=labels,
        is_corrupted=is_corrupted,
        transition_matrix=matrix,
        realized_transition_matrix=realized_matrix(labels, given, matrix),
        realized_noise_rate=float(is_corrupted.mean()) if len(labels) else 0.0,
    )


def _input_noise(labels: Labels, K: int, change: InputChange) -> LabelNoise:
    is_corrupted = np.zeros(len(labels), dtype=bool)
    is_corrupted[change.rows] = True
    return LabelNoise(
        given_labels=labels,
        true_labels=np.where(is_corrupted, -1, labels) if change.kind == "replace" else labels,
        is_corrupted=is_corrupted,
        transition_matrix=np.eye(K),
        realized_transition_matrix=np.eye(K),
        realized_noise_rate=float(is_corrupted.mean()) if len(labels) else 0.0,
        input_change=change,
    )


def _checked_labels(true_labels: ArrayLike, K: int) -> Labels:
    labels = np.asarray(true_labels)
    if labels.ndim != 1:
        raise BadInputError(f"true_labels must be one-dimensional, got shape {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise BadInputError(f"true_labels must be integers, got {labels.dtype}")
    outside = np.flatnonzero((labels < 0) | (labels >= K))
    if len(outside):
        place = int(outside[0])
        raise BadInputError(f"label {labels[place]} at position {place} is outside of 0 to {K - 1}")
    return labels.astype(np.int64)
