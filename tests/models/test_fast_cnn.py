"""The fast net: its original's size, what whitening does to patches, how its convolutions start."""

import pytest
import torch
from torch.nn import functional as F

from imae_core.models import build_model
from imae_core.models.whitening import EPS, Whitening, patch_moments


@pytest.fixture
def pictures():
    """(300, 3, 16, 16): neighbouring pixels and channels go together, and the mean is not 0."""
    noise = torch.randn(300, 3, 19, 19, generator=torch.Generator().manual_seed(0))
    smooth = F.avg_pool2d(noise, 4, stride=1)
    return 3 * smooth + smooth.mean(dim=1, keepdim=True) + 0.7


def test_it_has_its_original_s_number_of_parameters():
    """Jordan 2024 says 1.97 M; by hand: whitening with bias, convolutions, scale and shift of six norms, the head without bias."""
    whitening = 24 * 12 + 24
    convolutions = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 3 * 256 * 256)
    norms = 2 * (2 * 64 + 4 * 256)
    model = build_model("fast_cnn", (3, 32, 32), 10, seed=0)
    assert sum(p.numel() for p in model.parameters()) == whitening + convolutions + norms + 2560 == 1_972_792
    assert model.features(torch.zeros(2, 3, 32, 32)).shape == (2, 256)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 64), (3, 9, 9)])
def test_it_takes_any_picture_of_at_least_9_pixels(shape):
    model = build_model("fast_cnn", shape, 7, seed=0, width=4).eval()
    inputs = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0))
    assert model.features(inputs).shape == (4, 16)
    assert torch.equal(model(inputs), model.head(model.features(inputs)))
    assert isinstance(model.head, torch.nn.Linear)


def test_patch_moments_are_numpys(pictures):
    patches = pictures.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12).double()
    mean, covariance = patch_moments(pictures)
    torch.testing.assert_close(mean, patches.mean(dim=0))
    torch.testing.assert_close(covariance, torch.cov(patches.T, correction=0))


def test_whitened_patches_have_mean_0_and_the_identity_as_covariance(pictures):
    layer = Whitening(3)
    layer.fit_inputs(pictures)
    outputs = layer(pictures).detach().transpose(0, 1).flatten(1).double()
    _, covariance = patch_moments(pictures)
    variances = torch.linalg.eigvalsh(covariance).flip(0)
    assert variances[0] / variances[-1] > 20, "there was something to whiten"
    torch.testing.assert_close(outputs.mean(dim=1), torch.zeros(24, dtype=torch.float64), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        torch.cov(outputs[:12], correction=0), torch.diag(variances / (variances + EPS)), atol=1e-3, rtol=0
    )
    assert float((torch.cov(outputs[:12]) - torch.eye(12)).abs().max()) < 0.02
    torch.testing.assert_close(outputs[12:], -outputs[:12])


def test_whitening_is_a_frozen_part_of_the_state_and_blind_to_the_order_of_pictures(pictures):
    layer, other = Whitening(3), Whitening(3)
    before = layer.weight.clone()
    layer.fit_inputs(pictures)
    other.fit_inputs(pictures.flip(0))
    assert not torch.equal(before, layer.weight)
    torch.testing.assert_close(layer.weight, other.weight)
    assert {name: parameter.requires_grad for name, parameter in layer.named_parameters()} == {
        "weight": False, "bias": True
    }  # fmt: skip
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_constant_pictures_are_no_trouble():
    layer = Whitening(1)
    layer.fit_inputs(torch.full((5, 1, 9, 9), 0.3))
    assert float(layer(torch.full((1, 1, 9, 9), 0.3)).detach().abs().max()) < 1e-4


def test_convolutions_start_by_handing_on_their_inputs():
    model = build_model("fast_cnn", (3, 32, 32), 10, seed=0, width=16)
    first, *others = (module for module in model.modules() if isinstance(module, torch.nn.Conv2d))
    inputs = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    assert first.weight.shape == (16, 24, 3, 3)
    torch.testing.assert_close(others[0](inputs), inputs)
    torch.testing.assert_close(others[1](inputs)[:, :16], inputs)


def test_predictions_start_near_even():
    """What the features' scale is for: losses whose weight falls off at p near 0 or 1 start alike for all examples."""
    model = build_model("fast_cnn", (3, 32, 32), 10, seed=0)
    logits = model(torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))).detach()
    assert float(logits.softmax(dim=1).max()) < 0.35
