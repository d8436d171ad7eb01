"""Class-balanced batches: really balanced, without replacement, fair to all rows, the same for the same generator."""

import numpy as np
import pytest
import torch

from imae_core.data.sampling import BalancedOrder
from imae_core.errors import BadInputError

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 4, 5, 9], [50, 40, 30, 20, 8, 3]))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batches(classes, size, number=40, seed=0):
    rows = BalancedOrder(LABELS, classes, size).epoch(number, generator(seed))
    assert rows.shape == (number * size,)
    return rows.reshape(number, size).numpy()


def test_every_batch_has_as_many_of_each_of_its_classes():
    chosen = []
    for batch in batches(4, 32):
        names, counts = np.unique(LABELS[batch], return_counts=True)
        assert len(names) == 4
        assert counts.tolist() == [8] * 4
        chosen.append(tuple(names))
        for name in set(names) - {9}:
            rows = batch[LABELS[batch] == name]
            assert len(set(rows)) == 8, "no example twice in a batch"
    shares = np.mean([[name in names for name in (0, 1, 2, 4, 5, 9)] for names in chosen], axis=0)
    np.testing.assert_allclose(shares, 4 / 6, atol=0.25)


def test_a_class_with_too_few_examples_repeats_them():
    batch = next(batch for batch in batches(4, 32) if 9 in LABELS[batch])
    rows, counts = np.unique(batch[LABELS[batch] == 9], return_counts=True)
    assert len(rows) == 3
    assert sorted(counts.tolist()) == [2, 3, 3]


def test_a_class_hands_out_all_its_rows_before_it_starts_again():
    drawn = batches(6, 24, number=50)
    for name, size in ((0, 50), (4, 20)):
        handed_out = drawn[LABELS[drawn] == name]
        turns = size // 4
        for start in range(0, 200 - turns * 4 + 1, turns * 4):
            assert len(set(handed_out[start : start + turns * 4])) == turns * 4
        counts = np.bincount(handed_out, minlength=len(LABELS))[name == LABELS]
        assert counts.sum() == 200
        assert counts.max() <= -(-200 // (turns * 4))


def test_the_generator_decides():
    np.testing.assert_array_equal(batches(3, 12), batches(3, 12))
    assert (batches(3, 12) != batches(3, 12, seed=1)).any()


def test_too_few_classes():
    with pytest.raises(
        BadInputError, match="classes_per_batch is 8, but the given labels have 6 classes; choose 1 to 6"
    ):
        BalancedOrder(LABELS, 8, 32)
