"""Whole-batch augmentation against the same done picture by picture."""

import numpy as np
import torch
from torch.testing import assert_close

from imae_core.data.batches import PAD, DeviceData, epoch_order

CPU = torch.device("cpu")
IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (12, 3, 10, 8), dtype=np.uint8))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_inputs_are_scaled_and_normalised():
    data = DeviceData(IMAGES, 1 / 255, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    rows = torch.tensor([3, 0])
    expected = (IMAGES[rows].double() / 255 - torch.tensor([0.5, 0.4, 0.3]).reshape(3, 1, 1)) / torch.tensor(
        [0.2, 0.2, 0.1]
    ).reshape(3, 1, 1)
    assert_close(data.inputs(rows), expected.float())
    table = DeviceData(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 1.0)
    assert_close(table.inputs(torch.tensor([1]), augment=True, generator=generator()), torch.tensor([[3.0, 4.0]]))


def test_augmentation_is_pad_crop_and_flip_picture_by_picture():
    data = DeviceData(IMAGES, 1 / 255, flip=True)
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
    augmented = DeviceData(images, 1 / 255, flip=False).inputs(torch.arange(64), augment=True, generator=generator())
    places = augmented.sum((1, 2)).argmax(1)
    assert int(places.max()) <= 5 + PAD
    flipped = DeviceData(images, 1 / 255, flip=True).inputs(torch.arange(64), augment=True, generator=generator())
    assert int(flipped.sum((1, 2)).argmax(1).max()) > 5 + PAD


def test_same_generator_state_same_batch():
    data = DeviceData(IMAGES, 1 / 255, flip=True)
    first, again, other = (data.inputs(torch.arange(12), True, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert sorted(epoch_order(100, generator()).tolist()) == list(range(100))
