"""Every noise model: realised rates and matrices within binomial bounds, determinism, and what is its own."""

import zlib

import numpy as np
import pytest

from imae_core.catalog import DATASETS, NOISES
from imae_core.errors import BadInputError
from imae_core.noise import build_transition_matrix, corrupt_labels
from imae_core.noise.instance import INPUT_STEP, WEIGHT_STEP
from imae_core.noise.streams import generator
from tests.noise.examples import EACH, INPUT_KINDS, INPUTS, LABEL_KINDS, LABELS, NEEDED, K, corrupted, within_bounds

SEEDS = range(10)


@pytest.mark.parametrize("kind", LABEL_KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_rate_and_matrix_are_the_models(kind, seed):
    noise = corrupted(kind, seed=seed)
    for true in range(K):
        for given in range(K):
            counted = round(noise.realized_transition_matrix[true, given] * EACH)
            assert within_bounds(counted, EACH, noise.transition_matrix[true, given]), (true, given)
    np.testing.assert_allclose(noise.transition_matrix.sum(axis=1), 1)
    np.testing.assert_array_equal(noise.is_corrupted, noise.given_labels != LABELS)
    expected = 1 - np.diag(noise.transition_matrix).mean()
    assert within_bounds(int(noise.is_corrupted.sum()), len(LABELS), expected)
    assert noise.realized_noise_rate == noise.is_corrupted.mean() > 0


@pytest.mark.parametrize("kind", INPUT_KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_noise_on_inputs_keeps_every_label(kind, seed):
    noise = corrupted(kind, seed=seed)
    np.testing.assert_array_equal(noise.given_labels, LABELS)
    np.testing.assert_array_equal(noise.transition_matrix, np.eye(K))
    np.testing.assert_array_equal(noise.realized_transition_matrix, np.eye(K))
    np.testing.assert_array_equal(np.flatnonzero(noise.is_corrupted), noise.input_change.rows)
    assert within_bounds(int(noise.is_corrupted.sum()), len(LABELS), 0.4)
    expected = np.where(noise.is_corrupted, -1, LABELS) if kind == "open_set" else LABELS
    np.testing.assert_array_equal(noise.true_labels, expected)


@pytest.mark.parametrize("kind", list(NOISES))
def test_the_seed_decides_alone(kind):
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - the global generator is what must not change
    first, again, other = (corrupted(kind, seed=seed) for seed in (7, 7, 8))
    for name in ("given_labels", "is_corrupted", "transition_matrix"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.is_corrupted != other.is_corrupted).any()
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("kind", [kind for kind in NOISES if NOISES[kind].uses_rate])
def test_a_rate_of_nothing_changes_nothing(kind):
    assert corrupted(kind, rate=0.0).realized_noise_rate == 0.0


@pytest.mark.parametrize(
    ("kind", "checksum"),
    [
        ("symmetric", 1028616253),
        ("symmetric_inclusive", 1722232657),
        ("pairflip", 1558320406),
        ("asymmetric", 354204947),
        ("transition_matrix", 421962599),
    ],
)
def test_labels_of_earlier_versions_are_drawn_again(kind, checksum):
    params = {
        "asymmetric": {"mapping": DATASETS["cifar10"].mapping},
        "transition_matrix": {"matrix": np.full((K, K), 0.1)},
    }
    noise = corrupt_labels(np.repeat(np.arange(K), 200), K, kind, 0.4, 3, **params.get(kind, {}))
    assert zlib.crc32(noise.given_labels.astype("<i8").tobytes()) == checksum


# -- inside superclasses and blocks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_two_classes_of_each_superclass_swap_an_exact_share(seed):
    superclasses = np.array(DATASETS["cifar100"].superclasses)
    labels = np.repeat(np.arange(100), 50)
    noise = corrupt_labels(labels, 100, "superclass_swap", 0.3, seed, superclasses=superclasses)
    moved = noise.realized_transition_matrix - np.diag(np.diag(noise.realized_transition_matrix))
    sources, targets = np.nonzero(moved)
    assert len(sources) == 40, "two classes of each of the twenty superclasses"
    assert sorted(superclasses[sources]) == sorted(np.repeat(np.arange(20), 2))
    np.testing.assert_array_equal(superclasses[sources], superclasses[targets])
    assert set(zip(sources, targets, strict=True)) == set(zip(targets, sources, strict=True)), "they swap"
    np.testing.assert_allclose(moved[sources, targets], 0.3, atol=1e-12)
    np.testing.assert_allclose(noise.realized_transition_matrix, noise.transition_matrix, atol=1e-12)
    assert noise.realized_noise_rate == pytest.approx(2 / 5 * 0.3)


def test_blocks_of_five_leave_the_superclass_of_all_but_six_classes():
    matrix = build_transition_matrix("legacy_block5", 100, 1.0)
    targets = matrix.argmax(axis=1)
    np.testing.assert_array_equal(targets[:6], [1, 2, 3, 4, 0, 6])
    superclasses = np.array(DATASETS["cifar100"].superclasses)
    assert int((superclasses == superclasses[targets]).sum()) == 6
    assert "6 of 100" in NOISES["legacy_block5"].summary


# -- by instance -------------------------------------------------------------------------------------------------------


def test_instance_dependent_follows_the_papers_formula():
    """Against a plain transcription, an example at a time."""
    labels, x = LABELS[::40], INPUTS[::40]
    noise = corrupt_labels(labels, K, "instance_dependent", 0.5, 5, inputs=x)
    flips = generator(5, 0).normal(0.5, 0.1, len(labels))
    assert ((flips > 0) & (flips < 1)).all(), "none was to be drawn again"
    z = np.round((x - x.mean(axis=0)) / x.std(axis=0) / INPUT_STEP) * INPUT_STEP
    W = np.stack([generator(5, 2, label).standard_normal((x.shape[1], K)) for label in range(K)])
    W = np.round(W / WEIGHT_STEP) * WEIGHT_STEP
    expected = np.zeros((K, K))
    for i, y in enumerate(labels):
        scores = z[i] @ W[y]
        scores[y] = -np.inf
        P = flips[i] * np.exp(scores) / np.exp(scores).sum()
        P[y] = 1 - flips[i]
        expected[y] += P / (labels == y).sum()
    np.testing.assert_allclose(noise.transition_matrix, expected, atol=1e-9)


def test_instance_dependent_depends_on_the_inputs_and_not_on_their_scale():
    first = corrupted("instance_dependent")
    scaled = corrupted("instance_dependent", inputs=1000 * INPUTS.astype(np.float64) - 7)
    assert (first.given_labels != scaled.given_labels).mean() < 1e-3, "standardised first"
    alike = np.repeat(INPUTS[:K], EACH, axis=0)
    clones = corrupted("instance_dependent", inputs=alike)
    for label in range(K):
        wrong = clones.given_labels[(LABELS == label) & clones.is_corrupted]
        shares = np.bincount(wrong, minlength=K) / len(wrong)
        assert shares.max() > 0.15, "the same inputs are called the same wrong class more often than others"
    assert (corrupted("instance_dependent", inputs=INPUTS[::-1]).given_labels != first.given_labels).any()


def test_sharpness_spreads_the_wrong_classes():
    wide = np.random.default_rng(1).normal(size=(4000, 400))
    labels = np.zeros(4000, dtype=int)
    entropy = {}
    for sharpness in (1.0, 0.05):
        noise = corrupt_labels(labels, K, "instance_dependent", 0.5, 0, inputs=wide, sharpness=sharpness)
        # one-hot scores hand the whole flip rate to one class: its probability then varies most over the examples
        again = corrupt_labels(labels, K, "instance_dependent", 0.5, 0, inputs=wide, sharpness=sharpness, deviation=0.0)
        entropy[sharpness] = (noise.given_labels == again.given_labels).mean()
    assert entropy[1.0] > entropy[0.05]


def test_memory_is_that_of_a_block(monkeypatch):
    """Inputs are asked for by blocks, a class at a time, and never whole."""
    asked = []

    class Watched:
        shape = INPUTS.shape

        def __len__(self):
            return len(INPUTS)

        def __getitem__(self, rows):
            asked.append(len(rows))
            return INPUTS[rows]

    monkeypatch.setattr("imae_core.noise.instance.BLOCK_VALUES", 100 * INPUTS.shape[1])
    noise = corrupted("instance_dependent", inputs=Watched())
    assert max(asked) <= 100
    np.testing.assert_array_equal(noise.given_labels, corrupted("instance_dependent").given_labels)


# -- mixtures ----------------------------------------------------------------------------------------------------------


def test_a_mixtures_matrix_is_the_mean_of_its_parts():
    parts = [{"kind": "symmetric", "share": 0.5, "rate": 0.4}, {"kind": "pairflip", "share": 0.25, "rate": 0.8}]
    noise = corrupt_labels(LABELS, K, "mixture", components=parts)
    symmetric, pairs = (
        build_transition_matrix(kind, K, rate) for kind, rate in (("symmetric", 0.4), ("pairflip", 0.8))
    )
    np.testing.assert_allclose(noise.transition_matrix, 0.5 * symmetric + 0.25 * pairs + 0.25 * np.eye(K))


def test_one_part_that_owns_everything_is_that_noise_with_a_seed_of_its_own():
    whole = corrupt_labels(LABELS, K, "mixture", components=[{"kind": "pairflip", "share": 1.0, "rate": 1.0}])
    np.testing.assert_array_equal(whole.given_labels, (LABELS + 1) % K)
    twice = corrupt_labels(LABELS, K, "mixture", components=[{"kind": "symmetric", "share": 0.5, "rate": 1.0}] * 2)
    assert twice.realized_noise_rate == 1.0, "shares are disjoint and cover all"
    part = [{"kind": "symmetric", "share": 1.0, "rate": 0.4}]
    first, second = (corrupt_labels(LABELS, K, "mixture", seed=seed, components=part) for seed in (1, 2))
    assert (first.is_corrupted != second.is_corrupted).any(), "the parts' own seeds follow from the noise seed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "instance_dependent"}, "needs the inputs of all 20000 examples, got none"),
        ({"kind": "instance_dependent", "inputs": INPUTS[:9]}, "got 9 of them"),
        ({"kind": "instance_dependent", "inputs": INPUTS, "deviation": 2}, r"deviation must be in \[0, 1\], got 2"),
        ({"kind": "superclass_swap"}, "needs the superclass of each of the 10 classes"),
        ({"kind": "superclass_swap", "superclasses": [0, 1]}, "one for each of the 10 classes, got shape"),
        ({"kind": "superclass_swap", "superclasses": "abc"}, "superclasses must be a list or a mapping, got 'abc'"),
        ({"kind": "superclass_swap", "superclasses": ["a"] * 10}, "must be 10 whole numbers"),
        ({"kind": "legacy_block5", "num_classes": 12}, "that 5 divides, got 12"),
        ({"kind": "open_set"}, "number of pictures that it draws from"),
        ({"kind": "feature", "method": "sharpen"}, "unknown feature: method 'sharpen'; choose one of: blur, gaussian"),
        ({"kind": "mixture"}, "mixture needs components"),
        ({"kind": "mixture", "components": []}, "must be a list of parts"),
        ({"kind": "mixture", "components": [{"kind": "mixture"}]}, "mixture cannot be part of a mixture"),
        ({"kind": "mixture", "components": [{"kind": "open_set"}]}, "open_set cannot be part of a mixture"),
        ({"kind": "mixture", "components": [{"kind": "symmetric", "much": 1}]}, "part 1 must have kind, share, rate"),
        ({"kind": "mixture", "components": [{"kind": "pairflip", "share": 0.7}] * 2}, "must sum to at most 1, got 1.4"),
        ({"kind": "mixture", "components": [{"kind": "pairflip", "share": -1}]}, r"part 1: share must be in \[0, 1\]"),
    ],
)  # fmt: skip
def test_bad_input_is_named(arguments, message):
    with pytest.raises(BadInputError, match=message):
        corrupt_labels(**({"true_labels": LABELS, "num_classes": K} | arguments))


def test_a_matrix_is_only_given_where_the_class_decides():
    np.testing.assert_array_equal(build_transition_matrix("feature", K, 0.4), np.eye(K))
    with pytest.raises(BadInputError, match="depends on the examples and the seed"):
        build_transition_matrix("instance_dependent", K, 0.4)


def test_what_is_needed_is_known_for_every_kind():
    assert set(NEEDED) <= set(NOISES)
