"""Noise: realised rates within binomial bounds, determinism, and errors that name what was wrong."""

import numpy as np
import pytest

from imae_core.catalog import DATASETS, NOISES
from imae_core.errors import BadInputError, ImaeError
from imae_core.noise import build_transition_matrix, corrupt_labels
from tests.noise.examples import LABELS, K, corrupted, within_bounds


@pytest.mark.parametrize("kind", ["symmetric", "symmetric_inclusive", "pairflip", "asymmetric"])
@pytest.mark.parametrize("rate", [0.0, 0.2, 0.45, 0.8, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_realised_matrix_follows_the_model(kind, rate, seed):
    noise = corrupt_labels(LABELS, K, kind, rate, seed)
    for true in range(K):
        for given in range(K):
            share = noise.realized_transition_matrix[true, given]
            assert within_bounds(round(share * 2000), 2000, noise.transition_matrix[true, given])
    np.testing.assert_allclose(noise.transition_matrix.sum(axis=1), 1)
    np.testing.assert_array_equal(noise.is_corrupted, noise.given_labels != LABELS)
    assert noise.realized_noise_rate == noise.is_corrupted.mean()


def test_symmetric_excludes_the_true_class_and_inclusive_does_not():
    assert corrupt_labels(LABELS, K, "symmetric", 1.0).realized_noise_rate == 1.0
    inclusive = corrupt_labels(LABELS, K, "symmetric_inclusive", 1.0)
    assert within_bounds(int(inclusive.is_corrupted.sum()), len(LABELS), 0.9)
    np.testing.assert_allclose(np.diag(build_transition_matrix("symmetric", K, 0.4)), 0.6)
    np.testing.assert_allclose(np.diag(build_transition_matrix("symmetric_inclusive", K, 0.4)), 0.64)


def test_asymmetric_cifar10_is_chosen_from_clean_labels():
    noise = corrupt_labels(LABELS, K, "asymmetric", 0.4, mapping=DATASETS["cifar10"].mapping)
    changed = {true: {int(g) for g in np.unique(noise.given_labels[LABELS == true])} - {true} for true in range(K)}
    expected = {9: {1}, 2: {0}, 4: {7}, 3: {5}, 5: {3}}
    assert changed == {true: expected.get(true, set()) for true in range(K)}
    cats = noise.given_labels[LABELS == 3]
    assert within_bounds(int((cats == 5).sum()), 2000, 0.4), "cats must not flip back"
    assert within_bounds(int(noise.is_corrupted.sum()), 10_000, 0.4), "five of ten classes: half of the rate"


def test_asymmetric_defaults_to_the_next_class_and_takes_a_dict():
    default = corrupt_labels(LABELS, K, "asymmetric", 1.0).given_labels
    np.testing.assert_array_equal(default, (LABELS + 1) % K)
    one = corrupt_labels(LABELS, K, "asymmetric", 1.0, mapping={3: 5}).given_labels
    np.testing.assert_array_equal(one, np.where(LABELS == 3, 5, LABELS))


def test_cifar100_mapping_stays_inside_superclasses():
    mapping = DATASETS["cifar100"].mapping
    assert mapping is not None
    for start in range(100):
        orbit = [start]
        while mapping[orbit[-1]] != start:
            orbit.append(mapping[orbit[-1]])
        assert len(orbit) == 5, "a superclass has five members"


def test_transition_matrix_is_used_as_given():
    matrix = np.array([[0.0, 1.0, 0.0], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0]])
    labels = np.repeat([0, 1, 2], 4000)
    noise = corrupt_labels(labels, 3, "transition_matrix", matrix=matrix)
    assert set(noise.given_labels[:4000]) == {1}
    assert set(noise.given_labels[8000:]) == {2}
    assert within_bounds(int((noise.given_labels[4000:8000] == 0).sum()), 4000, 0.25)


def test_deterministic_by_seed_and_leaves_numpys_global_generator_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - the global generator is what must not change
    first, again, other = (corrupt_labels(LABELS, K, seed=seed).given_labels for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_thousand_classes_and_no_examples():
    labels = np.arange(1000)
    noise = corrupt_labels(labels, 1000, "symmetric", 0.5)
    assert noise.given_labels.max() < 1000
    assert corrupt_labels(np.empty(0, np.int64), 3).realized_noise_rate == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "symetric"}, "unknown noise model 'symetric'; choose one of: asymmetric"),
        ({"rate": 1.2}, r"noise rate must be a fraction in \[0, 1\], got 1.2"),
        ({"rate": float("nan")}, "noise rate must be"),
        ({"rate": "much"}, "got 'much'"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"num_classes": 1}, "at least 2, got 1"),
        ({"true_labels": [0.5, 1.0]}, "must be integers, got float64"),
        ({"true_labels": [0, 12]}, "label 12 at position 1 is outside of 0 to 9"),
        ({"true_labels": [[0, 1]]}, "one-dimensional"),
        ({"shift": 1}, "symmetric: unknown parameter 'shift'; it takes: none"),
        ({"kind": "asymmetric", "mapping": {3: 12}}, "names class 12"),
        ({"kind": "asymmetric", "mapping": [1, 0]}, "each of the 10 classes, got 2"),
        ({"kind": "transition_matrix"}, "needs a 10 x 10 matrix"),
        ({"kind": "transition_matrix", "matrix": np.eye(3)}, r"must be 10 x 10 for 10 classes, got \(3, 3\)"),
        ({"kind": "transition_matrix", "matrix": 2 * np.eye(10)}, "row 0 sums to 2"),
        ({"kind": "transition_matrix", "matrix": [["a"] * 10] * 10}, "not a number"),
    ],
)
def test_bad_input_is_named(arguments, message):
    defaults = {"true_labels": LABELS, "num_classes": K}
    with pytest.raises(BadInputError, match=message) as caught:
        corrupt_labels(**(defaults | arguments))
    assert isinstance(caught.value, ImaeError)


def test_every_noise_model_of_the_catalog_is_built():
    for kind in NOISES:
        assert corrupted(kind).given_labels.shape == LABELS.shape
