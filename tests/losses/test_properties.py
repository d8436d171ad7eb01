"""What the catalog says of each loss, proved; and that it says it of every loss that there is."""

import numpy as np
import pytest
import torch

from imae_core.catalog import DATASETS
from imae_core.catalog import LOSSES as CATALOG
from imae_core.curves import CURVES
from imae_core.errors import BadInputError
from imae_core.losses import LOSSES, build_loss
from imae_core.recipes import make_config
from tests.losses.ready import ready, rows_of

FAR, FARTHER = 1e2, 1e4
FIRST_LIST = ("cce", "mae", "mse", "imae", "dm", "gce", "truncated_gce", "rce", "sce", "focal", "taylor_ce", "agce", "aul", "ael",
              "js")  # fmt: skip
SECOND_LIST = ("brier", "label_smoothing", "bootstrap_hard", "bootstrap_soft", "forward", "backward", "nce", "nfl", "nce_mae",
               "nce_rce", "nfl_rce", "nce_agce", "nce_aul", "nce_ael", "gjs", "bi_tempered", "elr", "proselflc")  # fmt: skip


def test_all_published_losses_are_there_once_and_in_one_order():
    assert {*FIRST_LIST, *SECOND_LIST} <= set(LOSSES)
    assert tuple(CATALOG) == LOSSES
    assert {name for name in LOSSES if CATALOG[name].has_curve} == set(CURVES)


@pytest.mark.parametrize("name", LOSSES)
def test_symmetric_means_that_the_sum_over_labels_is_constant(name):
    """At 20 random predictions of 5 classes: the same to 9 digits for the symmetric, apart by 0.1 % for every other."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(20, 5, generator=generator, dtype=torch.float64)
    loss = ready(name, 5, matrix=np.eye(5), reduction="none").eval()
    sums = sum(loss(logits, torch.full((20,), label), torch.arange(20)) for label in range(5))
    spread = float((sums.max() - sums.min()) / sums.abs().mean())
    assert (spread < 1e-9) == CATALOG[name].is_symmetric
    assert spread < 1e-9 or spread > 0.001


@pytest.mark.parametrize("name", LOSSES)
def test_bounded_means_that_no_prediction_is_infinitely_bad(name):
    loss = ready(name, 5, matrix=np.eye(5), reduction="none").eval()
    largest = []
    for scale in (FAR, FARTHER):
        logits = scale * torch.cat([torch.eye(5), -torch.eye(5)]).double()
        labels = torch.full((10,), 1)
        largest.append(float(loss(logits, labels, rows_of(labels)).abs().max()))
    assert (largest[1] < 1.5 * largest[0]) == CATALOG[name].is_bounded
    assert largest[1] < 1.5 * largest[0] or largest[1] > 50 * largest[0]


@pytest.mark.parametrize("name", LOSSES)
def test_needs_are_what_a_plain_call_lacks(name):
    entry, loss = CATALOG[name], build_loss(name)
    logits, labels = torch.zeros(2, 3), torch.tensor([0, 1])
    if entry.needs and loss.num_views == 1:
        with pytest.raises(BadInputError, match=f"{name} "):
            loss(logits, labels)
    else:
        assert torch.isfinite(loss(logits, labels))
    assert (loss.num_views > 1) == ("two augmented views" in entry.needs)


@pytest.mark.parametrize("name", LOSSES)
def test_every_default_is_allowed_and_says_where_it_is_from(name):
    entry = CATALOG[name]
    assert entry.summary
    assert entry.source
    for parameter in entry.parameters:
        assert parameter.source, parameter.name
        assert parameter.help.endswith("."), parameter.name
        assert set(getattr(parameter, "by_dataset", {})) <= set(DATASETS)
    for dataset in DATASETS:
        values = entry.defaults_for(dataset)
        assert entry.validate(values) == values
        build_loss(name, **values)


@pytest.mark.parametrize(
    ("dataset", "loss", "params"),
    [
        ("cifar10", "sce", {"alpha": 0.1, "beta": 1.0}),
        ("cifar100", "sce", {"alpha": 6.0, "beta": 0.1}),
        ("cifar10", "nce_rce", {"alpha": 1.0, "beta": 1.0}),
        ("cifar100", "nce_rce", {"alpha": 10.0, "beta": 0.1}),
        ("cifar100", "nfl_rce", {"alpha": 10.0, "beta": 0.1, "gamma": 0.5}),
        ("cifar100", "nce_mae", {"alpha": 10.0, "beta": 1.0}),
        ("cifar10", "nce_agce", {"alpha": 1.0, "beta": 4.0, "a": 6.0, "q": 1.5}),
        ("cifar100", "nce_agce", {"alpha": 10.0, "beta": 0.1, "a": 1.8, "q": 3.0}),
        ("cifar10", "nce_aul", {"alpha": 1.0, "beta": 4.0, "a": 6.3, "q": 1.5}),
        ("cifar100", "nce_aul", {"alpha": 10.0, "beta": 0.015, "a": 6.0, "q": 3.0}),
        ("cifar10", "nce_ael", {"alpha": 1.0, "beta": 4.0, "a": 5.0}),
        ("cifar100", "nce_ael", {"alpha": 10.0, "beta": 0.1, "a": 1.5}),
        ("cifar10", "elr", {"beta": 0.7, "lam": 3.0}),
        ("cifar100", "elr", {"beta": 0.9, "lam": 7.0}),
        ("cifar10", "gjs", {"pi1": 0.9}),
        ("cifar100", "gjs", {"pi1": 0.5}),
        ("cifar100", "js", {"pi1": 0.3}),
        ("mnist", "ael", {"a": 3.5}),
    ],
)
def test_published_defaults_by_data_set_reach_the_config(dataset, loss, params):
    config = make_config(dataset, (3, 32, 32), 50_000, loss={"name": loss})
    assert config.loss.params.items() >= params.items()
