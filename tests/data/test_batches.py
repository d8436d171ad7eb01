"""Whole-batch augmentation against the same done picture by picture."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from imae_core.data import batches
from imae_core.data.batches import PAD, DeviceData
from imae_core.data.normalization import Normalization
from imae_core.data.sampling import epoch_order

CPU = torch.device("cpu")
IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (12, 3, 10, 8), dtype=np.uint8))

PLAIN = Normalization(1 / 255)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_inputs_are_scaled_and_normalised():
    shift, spread = (np.float32(values).reshape(3, 1, 1) for values in ([0.5, 0.4, 0.3], [0.2, 0.2, 0.1]))
    data = DeviceData(IMAGES, Normalization(1 / 255, shift, spread))
    rows = torch.tensor([3, 0])
    expected = (IMAGES[rows].double() / 255 - torch.tensor([0.5, 0.4, 0.3]).reshape(3, 1, 1)) / torch.tensor(
        [0.2, 0.2, 0.1]
    ).reshape(3, 1, 1)
    assert_close(data.inputs(rows), expected.float())
    table = DeviceData(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), Normalization(1.0), "pad_crop")
    assert_close(table.inputs(torch.tensor([1]), augment=True, generator=generator()), torch.tensor([[3.0, 4.0]]))


def test_augmentation_is_pad_crop_and_flip_picture_by_picture():
    data = DeviceData(IMAGES, PLAIN, "pad_crop", flip=True)
    rows = torch.arange(12)
    augmented = data.inputs(rows, augment=True, generator=generator(5))
    same_draws = generator(5)
    offsets = torch.randint(2 * PAD + 1, (2, 12), generator=same_draws)
    mirrored = torch.rand(12, generator=same_draws) < 0.5
    assert 0 < int(mirrored.sum()) < 12
    for row in range(12):
        padded = torch.nn.functional.pad(IMAGES[row].float() / 255, (PAD,) * 4)
        top, left = int(offsets[0, row]), int(offsets[1, row])
        crop = padded[:, top : top + 10, left : left + 8]
        assert_close(augmented[row], crop.flip(2) if mirrored[row] else crop)


def test_pictures_of_characters_are_never_mirrored():
    # one bright column at the left: mirrored pictures would have it at the right
    images = torch.zeros(64, 1, 20, 20, dtype=torch.uint8)
    images[..., 5] = 255
    kept = DeviceData(images, PLAIN, "pad_crop", flip=False)
    augmented = kept.inputs(torch.arange(64), augment=True, generator=generator())
    places = augmented.sum((1, 2)).argmax(1)
    assert int(places.max()) <= 5 + PAD
    may_flip = DeviceData(images, PLAIN, "pad_crop", flip=True)
    flipped = may_flip.inputs(torch.arange(64), augment=True, generator=generator())
    assert int(flipped.sum((1, 2)).argmax(1).max()) > 5 + PAD


def test_same_generator_state_same_batch():
    data = DeviceData(IMAGES, PLAIN, "pad_crop", flip=True)
    first, again, other = (data.inputs(torch.arange(12), True, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert sorted(epoch_order(100, generator()).tolist()) == list(range(100))


def test_resize_crop_is_interpolation_and_a_crop_of_the_old_size():
    """8 x 10 becomes 9 x 11 (the ratio 36/32, rounded); bilinear, pixel centres at half, done here pixel by pixel."""
    data = DeviceData(IMAGES, PLAIN, "resize_crop", flip=True)
    assert data.inputs(torch.tensor([0])).shape == (1, 3, 10, 8)

    def resized(picture):
        out = np.zeros((3, 11, 9))
        for i in range(11):
            for j in range(9):
                y, x = ((place + 0.5) * old / new - 0.5 for place, old, new in ((i, 10, 11), (j, 8, 9)))
                y, x = np.clip(y, 0, 9), np.clip(x, 0, 7)
                top, left = int(y), int(x)
                below, right = min(top + 1, 9), min(left + 1, 7)
                b, r = y - top, x - left
                out[:, i, j] = (1 - b) * ((1 - r) * picture[:, top, left] + r * picture[:, top, right]) + b * (
                    (1 - r) * picture[:, below, left] + r * picture[:, below, right]
                )
        return out

    enlarged = np.stack([resized(picture / 255) for picture in IMAGES.double().numpy()])
    np.testing.assert_allclose(data.inputs(torch.arange(12)).numpy(), enlarged[:, :, :10, :8], atol=1e-5)
    augmented = data.inputs(torch.arange(12), augment=True, generator=generator(5)).numpy()
    same_draws = generator(5)
    tops, lefts = (torch.randint(2, (12,), generator=same_draws) for _ in range(2))
    mirrored = torch.rand(12, generator=same_draws) < 0.5
    for row, (top, left) in enumerate(zip(tops.tolist(), lefts.tolist(), strict=True)):
        crop = enlarged[row, :, top : top + 10, left : left + 8]
        np.testing.assert_allclose(augmented[row], crop[:, :, ::-1] if mirrored[row] else crop, atol=1e-5)


def test_the_authors_sizes():
    """32 becomes 36; a test picture is its middle, places 2 to 33."""
    ramp = torch.arange(32, dtype=torch.float32).expand(1, 1, 32, 32)
    data = DeviceData(ramp, Normalization(1.0), "resize_crop")
    middle = data.inputs(torch.tensor([0]))[0, 0, 0]
    assert_close(middle, (torch.arange(2, 34) + 0.5) * 32 / 36 - 0.5)


@pytest.mark.parametrize("augment", ["none", "pad_crop", "resize_crop"])
def test_the_layout_in_memory_changes_no_value(augment):
    shift = np.float32([[[0.1]], [[0.2]], [[0.3]]])
    plain, last = (
        DeviceData(IMAGES, Normalization(1 / 255, shift), augment, True, layout)
        for layout in (torch.contiguous_format, torch.channels_last)
    )
    for is_augmented in (False, True):
        first, second = (data.inputs(torch.arange(12), is_augmented, generator(1)) for data in (plain, last))
        assert torch.equal(first, second)
        assert first.is_contiguous()
        assert second.is_contiguous(memory_format=torch.channels_last)


def test_what_is_never_varied_is_normalised_once_and_what_is_large_stays_as_it_is(monkeypatch):
    shift = np.random.default_rng(0).random((3, 10, 8)).astype(np.float32)
    small = DeviceData(IMAGES, Normalization(1 / 255, shift, shift + 1))
    monkeypatch.setattr(batches, "READY_BYTES", 4 * IMAGES.numel() - 1)
    large = DeviceData(IMAGES, Normalization(1 / 255, shift, shift + 1))
    varied = DeviceData(IMAGES, Normalization(1 / 255, shift, shift + 1), "pad_crop")
    assert (small.rows.stored.dtype, large.rows.stored.dtype, varied.rows.stored.dtype) == (
        torch.float32, torch.uint8, torch.uint8,
    )  # fmt: skip
    rows = torch.tensor([4, 0, 4])
    assert torch.equal(small.inputs(rows), large.inputs(rows))
    assert torch.equal(small.inputs(rows), varied.inputs(rows))
