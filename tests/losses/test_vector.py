"""Losses that need the whole prediction: against their papers' formulas, at random and at extreme logits."""

import mpmath
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from imae_core.catalog import LOSSES as CATALOG
from imae_core.losses import LOSSES, GJSLoss, VectorLoss, build_loss
from tests.losses import published
from tests.losses.ready import NUM_EXAMPLES, ready, rows_of, symmetric_matrix

VECTOR = [name for name in LOSSES if not CATALOG[name].has_curve]
VARIANTS = [
    *((name, {}) for name in VECTOR),
    ("label_smoothing", {"eps": 0.4}),
    ("bootstrap_hard", {"beta": 0.3}),
    ("bootstrap_soft", {"beta": 0.3}),
    ("bootstrap_soft", {"beta": 0.3, "detach": 1}),
    ("nfl", {"gamma": 2.0}),
    ("nfl", {"detach": 1}),
    ("nce_mae", {"alpha": 10.0}),
    ("nce_rce", {"alpha": 10.0, "beta": 0.1, "A": -4.0}),
    ("nfl_rce", {"alpha": 10.0, "beta": 0.1, "gamma": 1.0}),
    ("nfl_rce", {"detach": 1}),
    ("nce_agce", {"alpha": 10.0, "beta": 0.1, "a": 1.8, "q": 3.0}),
    ("nce_aul", {"alpha": 10.0, "beta": 0.015, "a": 6.0, "q": 3.0}),
    ("nce_ael", {"alpha": 10.0, "beta": 0.1, "a": 1.5}),
    ("gjs", {"pi1": 0.9}),
    ("bi_tempered", {"t1": 0.2, "t2": 2.5}),
    ("bi_tempered", {"t1": 1.0, "t2": 1.3}),
    ("bi_tempered", {"t1": 0.5, "t2": 1.0}),
    ("elr", {"lam": 7.0, "clip": 0.0}),
    ("proselflc", {"B": 4.0, "start": 0.2}),
    ("proselflc", {"detach": 1}),
]
PROGRESS = 0.6


def batch(num_classes, size=12, scale=2.0, views=None, seed=0):
    generator = torch.Generator().manual_seed(seed + num_classes)
    shape = (size, num_classes) if views is None else (views, size, num_classes)
    logits = scale * torch.randn(shape, generator=generator, dtype=torch.float64)
    return logits, torch.randint(num_classes, (size,), generator=generator)


def memory(num_classes):
    return 0.9 * torch.randn(NUM_EXAMPLES, num_classes, generator=torch.Generator().manual_seed(1)).softmax(1)


def prepared(name, num_classes, **params):
    """The criterion in evaluation mode, late in training, with a memory."""
    loss = ready(name, num_classes, reduction="none", **params).eval()
    loss.progress = PROGRESS
    if name == "elr":
        loss.memory.copy_(memory(num_classes))
    return loss


def paper(name, num_classes, row, params):
    """The paper's formula (logits, label, library) for the example in a row of the batch."""
    extra = {}
    if name in ("forward", "backward"):
        extra["matrix"] = symmetric_matrix(num_classes)
    if name == "elr":
        extra["remembered"] = memory(num_classes)[row].tolist()
    if name == "proselflc":
        extra["progress"] = PROGRESS
    return lambda z, y, lib: getattr(published, name)(z, y, lib, **params, **extra)


@pytest.mark.parametrize("num_classes", [2, 5])
@pytest.mark.parametrize(("name", "params"), VARIANTS)
def test_value_and_gradient_are_the_published_loss(name, params, num_classes):
    views = 2 if name == "gjs" else None
    logits, labels = batch(num_classes, views=views)
    logits.requires_grad_()
    loss = prepared(name, num_classes, **params)
    values = loss(logits, labels, rows_of(labels))
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    expected = []
    for row, label in enumerate(labels.tolist()):
        scalars = [list(view[row]) for view in logits] if views else list(logits[row])
        expected.append(paper(name, num_classes, row, params)(scalars, label, published.Torch))
    (expected_gradient,) = torch.autograd.grad(torch.stack(expected).sum(), logits)
    assert_close(values, torch.stack(expected), rtol=1e-8, atol=1e-10)
    assert_close(gradient, expected_gradient, rtol=1e-7, atol=1e-9)
    weights = loss.weights(logits, labels, rows_of(labels))
    assert_close(weights, gradient.abs().sum(-1) if not views else gradient.abs().sum((0, 2)), rtol=1e-12, atol=0)
    assert not weights.requires_grad


EXTREMES = [
    [1e4, 3.0, -2.0, 0.0],
    [-1e4, 1.0, 0.0, 2.0],
    [1e4, 1e4 - 1, 0.0, -1e4],
    [-1e4, 1e4, -1e4 + 2, 0.5],
]
LABELS = (0, 1, 3)
STOPS_GRADIENT = [variant for variant in VARIANTS if variant[1].get("detach") or variant[0] == "proselflc"]


@pytest.mark.parametrize(("name", "params"), [variant for variant in VARIANTS if variant not in STOPS_GRADIENT])
def test_extreme_logits_give_finite_and_right_gradients(name, params):
    """In single and double precision, against 45 digits and derivatives by finite differences of them."""
    loss = prepared(name, 4, **params)
    labels = torch.tensor(LABELS).repeat_interleave(len(EXTREMES))
    found = []
    for dtype in (torch.float32, torch.float64):
        logits = torch.tensor(EXTREMES * len(LABELS), dtype=dtype)
        logits = torch.stack([logits, logits.flip(1)]) if name == "gjs" else logits
        logits.requires_grad_()
        values = loss(logits, labels, rows_of(labels))
        found.append((values, torch.autograd.grad(values.sum(), logits)[0]))
    for row, label in enumerate(labels.tolist()):
        value, slopes = precise(paper(name, 4, row, params), logits[..., row, :].tolist(), label, views=name == "gjs")
        for values, gradient in found:
            assert values[row].item() == pytest.approx(value, rel=2e-5, abs=1e-5)
            np.testing.assert_allclose(gradient[..., row, :].flatten().tolist(), slopes, rtol=1e-4, atol=2e-6)


def precise(function, logits, label, views):
    """Value and gradient as floats; a stencil so narrow that no kink lies within it."""
    with mpmath.workdps(45):
        flat = [mpmath.mpf(x) for row in (logits if views else [logits]) for x in row]
        step = mpmath.mpf(10) ** -10

        def at(numbers):
            half = len(numbers) // 2
            return function([numbers[:half], numbers[half:]] if views else numbers, label, published.MP)

        slopes = []
        for place in range(len(flat)):
            high, low = list(flat), list(flat)
            high[place] += step
            low[place] -= step
            slopes.append(float((at(high) - at(low)) / (2 * step)))
        return float(at(flat)), slopes


@pytest.mark.parametrize(("name", "params"), STOPS_GRADIENT)
def test_extreme_logits_where_a_part_is_taken_as_constant(name, params):
    """Their target or factor is 0 or 1 in the limit: what is left is cross entropy's direction, or nothing."""
    loss = prepared(name, 4, **params)
    logits = torch.tensor(EXTREMES * len(LABELS), requires_grad=True)
    labels = torch.tensor(LABELS).repeat_interleave(len(EXTREMES))
    values = loss(logits, labels, rows_of(labels))
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    exact = logits.detach().double().requires_grad_()
    exact_values = loss(exact, labels, rows_of(labels))
    (exact_gradient,) = torch.autograd.grad(exact_values.sum(), exact)
    assert_close(values.double(), exact_values, rtol=1e-5, atol=1e-6)
    assert_close(gradient.double(), exact_gradient, rtol=1e-4, atol=2e-6)
    if name in ("bootstrap_soft", "proselflc"):
        p = logits.detach().double().softmax(1)
        one_hot = torch.nn.functional.one_hot(labels, 4).double()
        own = 0.7 if name == "bootstrap_soft" else trust(p, **params)
        entropy_part = 0 if params.get("detach") else own * entropy_gradient(p)
        assert_close(exact_gradient, (1 - own) * (p - one_hot) + entropy_part, rtol=1e-6, atol=1e-9)


def trust(p, B=10.0, start=0.5, detach=0):
    entropy = -(torch.special.xlogy(p, p)).sum(1)
    return ((1 - entropy / np.log(4)) / (1 + np.exp(-B * (PROGRESS - start))))[:, None]


def entropy_gradient(p):
    """-p (log p + H): of H(p) with respect to the logits."""
    return -(torch.special.xlogy(p, p) - p * torch.special.xlogy(p, p).sum(1, keepdim=True))


@pytest.mark.parametrize(
    ("special", "general"),
    [
        (("label_smoothing", {"eps": 0.0}), ("cce", {})),
        (("bootstrap_hard", {"beta": 1.0}), ("cce", {})),
        (("bootstrap_soft", {"beta": 1.0}), ("cce", {})),
        (("forward", {"matrix": np.eye(5)}), ("cce", {})),
        (("backward", {"matrix": np.eye(5)}), ("cce", {})),
        (("bi_tempered", {"t1": 1.0, "t2": 1.0}), ("cce", {})),
        (("elr", {"lam": 0.0}), ("cce", {})),
        (("proselflc", {"B": 100.0, "start": 1.0}), ("cce", {})),
        (("focal", {"gamma": 0.0, "detach": 1}), ("cce", {})),
        (("sce", {"alpha": 1.0, "beta": 0.0}), ("cce", {})),
        (("nfl", {"gamma": 0.0}), ("nce", {})),
        (("nfl_rce", {"gamma": 0.0}), ("nce_rce", {})),
        (("nce_mae", {"alpha": 1.0, "beta": 0.0}), ("nce", {})),
        (("nce_mae", {"alpha": 0.0, "beta": 1.0}), ("mae", {"scale": 1.0})),
        (("nce_rce", {"alpha": 0.0, "A": -4.0}), ("rce", {"A": -4.0})),
        (("nce_agce", {"alpha": 0.0, "beta": 1.0, "a": 0.6, "q": 0.6}), ("agce", {"a": 0.6, "q": 0.6})),
        (("nce_aul", {"alpha": 0.0, "beta": 1.0, "a": 5.5, "q": 3.0}), ("aul", {"a": 5.5, "q": 3.0})),
        (("nce_ael", {"alpha": 0.0, "beta": 1.0, "a": 2.5}), ("ael", {"a": 2.5})),
        (("rce", {"A": -2.0}), ("mae", {})),
        (("mae", {"scale": 1.0}), ("gce", {"q": 1.0})),
        (("gjs", {"pi1": 0.7}), ("js", {"pi1": 0.7})),
    ],
)
def test_published_special_cases(special, general):
    logits, labels = batch(5)
    found = []
    for name, params in (special, general):
        leaf = logits.clone().requires_grad_()
        values = prepared(name, 5, **params)(leaf, labels, rows_of(labels))
        found.append((values, *torch.autograd.grad(values.sum(), leaf)))
    assert_close(found[0], found[1], rtol=1e-7, atol=1e-9)


def test_proselflc_late_in_training_is_soft_bootstrapping_by_confidence():
    logits, labels = batch(5)
    loss = prepared("proselflc", 5, B=100.0, start=0.1)
    p = logits.softmax(1)
    confidence = 1 + (p * p.log()).sum(1) / np.log(5)
    for row in range(len(labels)):
        soft = build_loss("bootstrap_soft", reduction="none", beta=1 - float(confidence[row]))
        one = slice(row, row + 1)
        assert_close(loss(logits[one], labels[one]), soft(logits[one], labels[one]))


def test_backward_correction_is_cross_entropy_on_average_over_the_noise():
    logits, labels = batch(5)
    matrix = torch.from_numpy(symmetric_matrix(5))
    loss = build_loss("backward", matrix=matrix, reduction="none")
    by_given = torch.stack([loss(logits, torch.full_like(labels, given)) for given in range(5)], 1)
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    assert_close((matrix[labels] * by_given).sum(1), expected)


def test_focal_with_a_constant_factor_has_its_own_curve():
    logits, labels = batch(5)
    p = logits.softmax(1).gather(1, labels[:, None])[:, 0]
    weights = build_loss("focal", gamma=2.0, detach=1).weights(logits, labels)
    assert_close(weights, 2 * (1 - p) ** 3)


def test_two_views_that_agree_are_one():
    logits, labels = batch(5)
    leaf = logits.clone().requires_grad_()
    twice = leaf.expand(2, -1, -1)
    assert_close(GJSLoss(reduction="none")(twice, labels), GJSLoss(reduction="none")(logits, labels))
    GJSLoss(reduction="sum")(twice, labels).backward()
    assert_close(leaf.grad.abs().sum(1), GJSLoss().weights(logits, labels))
    assert_close(GJSLoss().weights(twice, labels), GJSLoss().weights(logits, labels))


def test_views_that_differ_cost_more_than_either():
    """The part of GJS that asks for consistency."""
    logits, labels = batch(5, views=2)
    together = GJSLoss(reduction="none")(logits, labels)
    apart = torch.stack([GJSLoss(reduction="none")(view, labels) for view in logits]).amin(0)
    assert (together > apart).all()


def test_weight_sum_divides_by_measured_weights():
    logits, labels = batch(5)
    leaf = logits.clone().requires_grad_()
    build_loss("nce_rce", reduction="weight_sum")(leaf, labels).backward()
    assert_close(leaf.grad.abs().sum(), torch.tensor(1.0, dtype=torch.float64))


@pytest.mark.parametrize("name", ["brier", "gjs", "bi_tempered", "elr"])
def test_max_log_odds_lets_go_of_fitted_examples_only(name):
    logits = torch.tensor([[31.0, 0.0], [2.0, 0.0], [-3.0, 0.0]])
    if name == "gjs":
        logits = torch.stack([logits, torch.tensor([[32.0, 0.0], [40.0, 0.0], [0.0, 0.0]])])
    logits.requires_grad_()
    labels = torch.zeros(3, dtype=torch.int64)
    loss = prepared(name, 2)
    loss.max_log_odds = 30.0
    loss(logits, labels, rows_of(labels)).sum().backward()
    gradient = logits.grad if name == "gjs" else logits.grad[None]
    assert (gradient[:, 0] == 0).all()
    assert (gradient[:, 1:].abs().sum((0, 2)) > 0).all(), "of several views, the least sure one counts"
    weights = loss.weights(logits, labels, rows_of(labels))
    assert_close(weights, gradient.abs().sum((0, 2)))


@pytest.mark.parametrize("num_classes", [2, 10])
@pytest.mark.parametrize("name", VECTOR)
def test_largest_weight_is_an_end_for_the_axis(name, num_classes):
    loss = prepared(name, num_classes)
    limit = loss.largest_weight(num_classes)
    generator = torch.Generator().manual_seed(5)
    scales = torch.tensor([0.1, 0.5, 1.0, 3.0, 10.0]).repeat_interleave(12)[:, None]
    logits = scales * torch.randn(60, num_classes, generator=generator)
    labels = torch.randint(num_classes, (60,), generator=generator)
    largest = float(loss.weights(logits, labels, rows_of(labels)).max())
    assert largest <= 1.05 * limit
    assert limit <= 4 * largest, "and not far beyond what happens"


def test_a_loss_of_ones_own_needs_its_value_alone():
    class Squared(VectorLoss):
        def value(self, logits, labels):
            return ((logits.softmax(1) - torch.nn.functional.one_hot(labels, logits.shape[1])) ** 2).sum(1)

    logits, labels = batch(5)
    assert_close(Squared()(logits, labels), build_loss("brier")(logits, labels))
    assert_close(Squared().weights(logits, labels), build_loss("brier").weights(logits, labels))
