"""Every curve loss: gradients against the formula, against an independent transcription, against finite differences."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from imae_core.curves import CURVES
from imae_core.losses import LOSSES, CurveLoss, IMAELoss, build_loss
from imae_core.losses.curve import label_logit_margin
from tests.losses.ready import ready, rows_of

A = math.log(1e-4)
# written from the papers' loss formulas, independent of the package: L(p), p a float64 tensor
PUBLISHED = {
    "cce": lambda p: -p.log(),
    "mae": lambda p, scale=2.0: scale * (1 - p),
    "mse": lambda p: (1 - p) ** 2,
    "gce": lambda p, q=0.7: (1 - p**q) / q,
    "truncated_gce": lambda p, q=0.7, k=0.5, start=0.0: torch.where(
        p > k, (1 - p**q) / q, torch.full_like(p, (1 - k**q) / q)
    ),
    "rce": lambda p, A=A: -A * (1 - p),
    "sce": lambda p, alpha=0.1, beta=1.0, A=A: -alpha * p.log() - beta * A * (1 - p),
    "focal": lambda p, gamma=0.5: -((1 - p) ** gamma) * p.log(),
    "taylor_ce": lambda p, t=2: sum((1 - p) ** i / i for i in range(1, t + 1)),
    "agce": lambda p, a=0.6, q=0.6: ((a + 1) ** q - (a + p) ** q) / q,
    "aul": lambda p, a=5.5, q=3.0: ((a - p) ** q - (a - 1) ** q) / q,
    "ael": lambda p, a=2.5: torch.exp(-p / a),
}
VARIANTS = [
    *((name, {}) for name in CURVES),
    ("mae", {"scale": 1.0}),
    ("rce", {"A": -4.0}),
    ("imae", {"T": 0.0}),
    ("imae", {"T": 16.0}),
    ("dm", {"lam": 2.0, "beta": 12.0}),
    ("gce", {"q": 0.2}),
    ("truncated_gce", {"start": 0.0, "k": 0.3}),
    ("sce", {"alpha": 6.0, "beta": 0.1, "A": -4.0}),
    ("focal", {"gamma": 2.0}),
    ("taylor_ce", {"t": 6}),
    ("agce", {"a": 6.0, "q": 1.5}),
    ("aul", {"a": 1.5, "q": 0.9}),
    ("js", {"pi1": 0.9}),
]


def batch(num_classes, size=32, dtype=torch.float64, device="cpu", scale=4.0):
    generator = torch.Generator().manual_seed(num_classes)
    logits = scale * torch.randn(size, num_classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(num_classes, (size,), generator=generator)
    return logits.to(device=device, dtype=dtype).requires_grad_(), labels.to(device)


def js_divergence(logits, labels, pi1=0.7):
    """Generalised Jensen-Shannon divergence of the one-hot label and the whole prediction, by its definition."""
    pi2 = 1 - pi1
    prediction = logits.softmax(1)
    target = torch.nn.functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    mixture = pi1 * target + pi2 * prediction
    label_term = -(target * mixture.log()).sum(1)
    prediction_term = (prediction * (prediction.log() - mixture.log())).sum(1)
    return (pi1 * label_term + pi2 * prediction_term) / (-pi2 * math.log(pi2))


@pytest.mark.parametrize("num_classes", [2, 10, 1000])
@pytest.mark.parametrize(("name", "params"), VARIANTS)
def test_gradient_is_the_weight_along_cross_entropys_direction(name, params, num_classes, device):
    logits, labels = batch(num_classes, device=device)
    loss = build_loss(name, reduction="sum", **params)
    loss(logits, labels).backward()
    with torch.no_grad():
        rows = torch.arange(len(labels), device=device)
        p = logits.softmax(1)[rows, labels]
        weight = loss.curve(p)
        others = logits.scatter(1, labels[:, None], -torch.inf).softmax(1)
        expected = 0.5 * weight[:, None] * others
        expected[rows, labels] = -0.5 * weight
    assert_close(logits.grad, expected, rtol=1e-7, atol=1e-12)
    assert_close(loss.weights(logits, labels), logits.grad.abs().sum(1), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("num_classes", [2, 10])
@pytest.mark.parametrize(
    ("name", "params"), [variant for variant in VARIANTS if variant[0] in PUBLISHED or variant[0] == "js"]
)
def test_value_and_gradient_are_the_published_loss(name, params, num_classes):
    logits, labels = batch(num_classes)
    loss = build_loss(name, reduction="none", **params)
    if name == "truncated_gce" and params.get("start", 1) > 0:
        name = "gce"  # before its start
    values = loss(logits, labels)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    if name == "js":
        published = js_divergence(logits, labels, **params)
    else:
        published = PUBLISHED[name](logits.log_softmax(1).gather(1, labels[:, None])[:, 0].exp(), **params)
    (published_gradient,) = torch.autograd.grad(published.sum(), logits)
    assert_close(values, published, rtol=1e-9, atol=1e-12)
    assert_close(gradient, published_gradient, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("name", "params"), [variant for variant in VARIANTS if variant[0] != "truncated_gce"])
def test_value_is_the_integral_of_its_weight(name, params):
    """Finite differences of L(s) in float64: dL/ds = -w/2, relative values included."""
    loss = build_loss(name, reduction="none", **params)
    margins = torch.linspace(-25, 25, 101, dtype=torch.float64)
    step = 1e-5

    def value(shift):
        return loss(torch.stack([margins + shift, torch.zeros_like(margins)], 1), torch.zeros(101, dtype=torch.int64))

    slope = (value(step) - value(-step)) / (2 * step)
    weight = loss.weight(torch.sigmoid(margins), torch.sigmoid(-margins))
    assert_close(slope, -0.5 * weight, rtol=1e-5, atol=1e-8)


def test_relative_value_of_imae_is_zero_at_one_half_and_as_published_far_out():
    loss = IMAELoss(reduction="none")
    logits = torch.tensor([[0.0, 0.0], [50.0, 0.0]], dtype=torch.float64)
    values = loss(logits, torch.tensor([0, 0]))
    assert values[0] == 0
    assert values[1].item() == pytest.approx(-29.5, abs=0.05)


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CURVES)
def test_extreme_logits_give_finite_and_right_gradients(name, dtype, size, device):
    loss = build_loss(name, reduction="none")
    for sign, p in ((1.0, 1.0), (-1.0, 0.0)):
        logits = torch.zeros(size, 5, dtype=dtype, device=device)
        logits[:, 2] = sign * 1e4
        logits.requires_grad_()
        labels = torch.full((size,), 2, device=device)
        values = loss(logits, labels)
        values.sum().backward()
        assert torch.isfinite(values).all()
        weight = float(loss.curve(p))
        expected = torch.full((size, 5), weight / 8, dtype=dtype, device=device)
        expected[:, 2] = -weight / 2
        assert_close(logits.grad, expected, rtol=1e-6, atol=1e-30)
    if name in ("imae", "dm"):
        assert weight == 1.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_logits_are_computed_in_float32(name, dtype, device):
    logits, labels = batch(10, dtype=dtype, device=device)
    loss = ready(name, 10).to(device).eval()
    value = loss(logits, labels, rows_of(labels))
    value.backward()
    assert value.dtype == torch.float32
    assert logits.grad.dtype == dtype
    exact = logits.detach().float().requires_grad_()
    loss(exact, labels, rows_of(labels)).backward()
    assert_close(logits.grad.float(), exact.grad, rtol=0.01, atol=1e-3)


@pytest.mark.parametrize("name", LOSSES)
def test_under_autocast(name, device):
    inputs = torch.randn(16, 20, generator=torch.Generator().manual_seed(0)).to(device)
    layer = torch.nn.Linear(20, 10, device=device)
    labels = torch.arange(16, device=device) % 10
    with torch.autocast(device.type, dtype=torch.bfloat16):
        value = ready(name, 10).to(device)(layer(inputs), labels, rows_of(labels))
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(layer.weight.grad).all()


def test_any_curve_is_a_loss():
    def bump(p):
        return torch.exp(-((p - 0.3) ** 2) / 0.02)

    logits, labels = batch(10)
    loss = CurveLoss(bump, reduction="sum")
    loss(logits, labels).backward()
    p = logits.detach().softmax(1).gather(1, labels[:, None])[:, 0]
    assert_close(logits.grad.abs().sum(1), bump(p), rtol=1e-8, atol=1e-12)
    assert loss.curve(0.3) == pytest.approx(1.0)
    np.testing.assert_allclose(loss.curve(np.array([0.3, 1.0])), [1.0, math.exp(-0.49 / 0.02)])


def test_a_curve_of_two_arguments_keeps_its_digits_near_one():
    loss = CurveLoss(lambda p, not_p: 2 * not_p, reduction="sum")
    logits = torch.tensor([[30.0, 0.0]], dtype=torch.float64)
    assert loss.weights(logits, torch.tensor([0])).item() == pytest.approx(2 * math.exp(-30), rel=1e-9)


def test_margin_is_the_labels_log_odds():
    logits, labels = batch(10)
    p = logits.softmax(1).gather(1, labels[:, None])[:, 0]
    assert_close(label_logit_margin(logits, labels), torch.logit(p), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["cce", "mae", "imae", "gce"])
def test_a_class_alone_is_certain(name):
    """Where all other classes are ruled out, p is 1: nothing moves, and nothing is NaN."""
    logits = torch.tensor([[5.0, float("-inf")], [1.0, 2.0]], requires_grad=True)
    criterion = build_loss(name)
    criterion.max_log_odds = 30.0
    criterion(logits, torch.tensor([0, 1])).backward()
    assert logits.grad[0].tolist() == [0, 0]
    assert float(logits.grad[1, 0]) > 0


def test_max_log_odds_lets_go_of_fitted_examples_only():
    logits = torch.tensor([[31.0, 0.0], [29.0, 0.0], [-31.0, 0.0]], dtype=torch.float64, requires_grad=True)
    labels = torch.zeros(3, dtype=torch.int64)
    loss = IMAELoss(reduction="sum")
    assert_close(loss.weights(logits, labels), torch.ones(3, dtype=torch.float64))
    loss.max_log_odds = 30.0
    loss(logits, labels).backward()
    assert_close(logits.grad.abs().sum(1), torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64))
