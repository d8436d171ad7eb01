"""Nets: sizes of the originals, shapes, reproducible weights."""

import itertools

import pytest
import torch

from imae_core.errors import BadInputError
from imae_core.models import build_model
from imae_core.models.choice import default_model


@pytest.mark.parametrize(("depth", "parameters"), [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018)])
def test_cifar_resnets_have_hes_number_of_parameters(depth, parameters):
    model = build_model(f"resnet{depth}", (3, 32, 32), 10, seed=0)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_projection_shortcuts_add_their_weights():
    model = build_model("resnet20", (3, 32, 32), 10, seed=0, projection=1)
    extra = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert sum(p.numel() for p in model.parameters()) == 269_722 + extra


@pytest.mark.parametrize(
    ("name", "shape"),
    [("mlp", (1, 8, 8)), ("mlp", (50,)), ("small_cnn", (1, 28, 28)), ("small_cnn", (3, 64, 64)), ("resnet20", (3, 32, 32)),
     ("resnet20", (1, 28, 28)), ("fast_cnn", (3, 32, 32)), ("cnn8", (3, 32, 32)), ("cnn8", (1, 28, 28)), ("resnet34", (3, 16, 16))],
)  # fmt: skip
def test_outputs_come_from_the_features(name, shape):
    model = build_model(name, shape, 7, seed=0).eval()
    inputs = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0))
    features = model.features(inputs)
    assert features.dim() == 2
    assert torch.equal(model(inputs), model.head(features))
    assert model(inputs).shape == (4, 7)


def test_the_8_layer_cnn_is_apls():
    """Parameters of the public code's net for CIFAR-10, counted by hand: convolutions with bias, batch norm, two linear layers."""
    widths = [3, 64, 64, 128, 128, 196, 196]
    convolutions = sum(9 * a * b + b + 2 * b for a, b in itertools.pairwise(widths))
    linear = 3136 * 256 + 256 + 2 * 256 + 256 * 10 + 10
    model = build_model("cnn8", (3, 32, 32), 10, seed=0)
    assert sum(p.numel() for p in model.parameters()) == convolutions + linear == 1_639_794
    assert model.features(torch.zeros(2, 3, 32, 32)).shape == (2, 256)
    assert not any(isinstance(module, torch.nn.Dropout) for module in model.modules())
    first = model.body[0].weight
    assert float(first.detach().abs().max()) <= (6 / 27) ** 0.5, "Kaiming-uniform: sqrt(6 / fan_in)"


def test_resnet34_has_torchvisions_size_with_a_small_stem():
    model = build_model("resnet34", (3, 32, 32), 10, seed=0)
    torchvisions = 21_797_672
    assert sum(p.numel() for p in model.parameters()) == torchvisions - 64 * 3 * (49 - 9) - 513 * 1000 + 513 * 10
    assert model.body.layer1(model.body.conv1(torch.zeros(1, 3, 32, 32))).shape == (1, 64, 32, 32)


def test_same_seed_same_weights_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    first, again, other = (build_model("small_cnn", (1, 28, 28), 10, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_option_a_pads_channels_with_zeros():
    model = build_model("resnet20", (3, 32, 32), 10, seed=0)
    block = model.blocks[3]
    inputs = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    shortcut = block._shortcut(inputs)
    assert shortcut.shape == (2, 32, 4, 4)
    assert torch.equal(shortcut[:, 8:24], inputs[:, :, ::2, ::2])
    assert float(shortcut[:, :8].abs().sum() + shortcut[:, 24:].abs().sum()) == 0


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [("resnet20", (50,), "needs pictures, but this data set is a table; use mlp"),
     ("small_cnn", (1, 4, 4), "at least 8 x 8, got 4 x 4"), ("fast_cnn", (1, 8, 8), "at least 9 x 9, got 8 x 8"),
     ("resnet18", (3, 32, 32), "unknown model 'resnet18'")],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_named(name, shape, message):
    with pytest.raises(BadInputError, match=message):
        build_model(name, shape, 10, seed=0)


def test_default_model():
    assert default_model((1, 8, 8), on_gpu=True) == "mlp"
    assert default_model((50,), on_gpu=False) == "mlp"
    assert default_model((3, 32, 32), on_gpu=False) == "small_cnn"
    assert default_model((3, 32, 32), on_gpu=True) == "resnet20"
