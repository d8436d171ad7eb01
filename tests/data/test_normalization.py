"""Normalisations against NumPy by hand, and that they come from the training rows alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from imae_core.data import normalization as module
from imae_core.data.batches import DeviceData
from imae_core.data.digits import load_digits
from imae_core.data.normalization import normalization

RANDOM = np.random.default_rng(0)
DIGITS = load_digits()
COLOUR = replace(
    DIGITS, train_inputs=RANDOM.integers(0, 256, (23, 3, 32, 24), dtype=np.uint8),
    test_inputs=RANDOM.integers(0, 256, (5, 3, 32, 24), dtype=np.uint8), scale=1 / 255, shift=(0.5, 0.4, 0.3),
    spread=(0.2, 0.25, 0.3),
)  # fmt: skip
TABLE = replace(
    DIGITS, train_inputs=(1e4 + RANDOM.normal(size=(31, 4)) * (1, 5, 0, 1e-2)).astype(np.float32), scale=1.0,
    test_inputs=np.full((2, 4), 1e4, dtype=np.float32), shift=(1.0, 2.0, 3.0, 4.0), spread=(1.0, 2.0, 4.0, 8.0),
)  # fmt: skip


def inputs_of(dataset, kind, split="train"):
    data = DeviceData.from_split(dataset, split, torch.device("cpu"), normalization(dataset, kind))
    return data.inputs(torch.arange(len(data))).numpy()


def test_default_is_the_import_s():
    scaled = COLOUR.train_inputs.astype(np.float64) / 255
    expected = (scaled - np.reshape([0.5, 0.4, 0.3], (3, 1, 1))) / np.reshape([0.2, 0.25, 0.3], (3, 1, 1))
    np.testing.assert_allclose(inputs_of(COLOUR, "default"), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(inputs_of(DIGITS, "default"), DIGITS.train_inputs.astype(np.float32) / 16)


def test_none_is_scaled_and_no_more():
    np.testing.assert_allclose(inputs_of(COLOUR, "none"), COLOUR.train_inputs / 255, rtol=1e-6)
    np.testing.assert_array_equal(inputs_of(TABLE, "none"), TABLE.train_inputs)


def test_mean_is_that_of_channels_or_features():
    scaled = COLOUR.train_inputs.astype(np.float64) / 255
    mean = scaled.mean((0, 2, 3), keepdims=True)
    np.testing.assert_allclose(inputs_of(COLOUR, "mean"), scaled - mean, atol=1e-6)
    tested = COLOUR.test_inputs.astype(np.float64) / 255 - mean
    np.testing.assert_allclose(inputs_of(COLOUR, "mean", "test"), tested, atol=1e-6)
    np.testing.assert_allclose(
        inputs_of(DIGITS, "mean"), DIGITS.train_inputs / 16 - DIGITS.train_inputs.mean() / 16, atol=1e-6
    )
    features = TABLE.train_inputs.astype(np.float64)
    np.testing.assert_allclose(inputs_of(TABLE, "mean"), features - features.mean(0), atol=2e-3)  # float32 near 1e4


def test_standardize_by_channel_pixel_or_feature():
    scaled = COLOUR.train_inputs.astype(np.float64) / 255
    mean, std = scaled.mean((0, 2, 3), keepdims=True), scaled.std((0, 2, 3), keepdims=True)
    np.testing.assert_allclose(inputs_of(COLOUR, "standardize"), (scaled - mean) / std, atol=1e-5)
    pixels = DIGITS.train_inputs.astype(np.float64) / 16
    std = pixels.std(0)
    assert (std == 0).any(), "digits have pixels that are always empty"
    expected = (pixels - pixels.mean(0)) / np.where(std > 0, std, 1)
    found = inputs_of(DIGITS, "standardize")
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not found[:, std == 0].any()


def test_a_constant_feature_becomes_zero_even_far_from_zero():
    found = inputs_of(TABLE, "standardize")
    assert not found[:, 2].any()
    np.testing.assert_allclose(found[:, :2].std(0), 1, rtol=1e-3)


def test_only_training_rows_count_and_chunks_agree(monkeypatch):
    whole = normalization(COLOUR, "standardize")
    monkeypatch.setattr(module, "CHUNK", 7)
    other = normalization(replace(COLOUR, test_inputs=np.zeros((1, 3, 32, 24), dtype=np.uint8)), "standardize")
    np.testing.assert_allclose(other.shift, whole.shift, rtol=1e-6)
    np.testing.assert_allclose(other.spread, whole.spread, rtol=1e-6)


@pytest.mark.parametrize(("shape", "spread_shape"), [((1, 23, 40), (1, 23, 40)), ((1, 24, 40), (1, 1, 1))])
def test_pictures_are_tiny_below_24_pixels(shape, spread_shape):
    data = replace(DIGITS, train_inputs=RANDOM.integers(0, 17, (9, *shape), dtype=np.uint8))
    assert normalization(data, "standardize").spread.shape == spread_shape
