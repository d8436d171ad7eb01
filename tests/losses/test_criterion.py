"""The interface: drop-in for CrossEntropyLoss, reductions, and errors that name what was wrong."""

import copy
import pickle

import pytest
import torch
from torch.testing import assert_close

import imae_core.losses as losses
from imae_core.errors import BadInputError, ImaeError
from imae_core.losses import (
    LOSSES,
    BackwardLoss,
    CCELoss,
    CurveLoss,
    ForwardLoss,
    GJSLoss,
    IMAELoss,
    MAELoss,
    TruncatedGCELoss,
    build_loss,
)
from tests.losses.ready import ready, symmetric_matrix

LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.0, 1.0, 0.5]])
LABELS = torch.tensor([0, 2])
ROWS = torch.tensor([0, 1])


def test_public_names():
    classes = {type(build_loss(name)).__name__ for name in LOSSES}
    assert set(losses.__all__) == classes | {"LOSSES", "Criterion", "CurveLoss", "VectorLoss", "build_loss"}
    assert {
        "CCELoss",
        "IMAELoss",
        "BrierLoss",
        "ForwardLoss",
        "NCERCELoss",
        "GJSLoss",
        "BiTemperedLoss",
        "ELRLoss",
    } <= classes
    assert len(classes) == len(LOSSES)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cce_is_torchs_cross_entropy(reduction):
    assert_close(
        CCELoss(reduction=reduction)(LOGITS, LABELS), torch.nn.CrossEntropyLoss(reduction=reduction)(LOGITS, LABELS)
    )


def test_weight_sum_divides_by_the_weights_of_the_batch():
    values = MAELoss(reduction="none")(LOGITS, LABELS)
    weights = MAELoss().weights(LOGITS, LABELS)
    assert_close(MAELoss(reduction="weight_sum")(LOGITS, LABELS), values.sum() / weights.sum())
    logits = LOGITS.clone().requires_grad_()
    MAELoss(reduction="weight_sum")(logits, LABELS).backward()
    assert_close(logits.grad.abs().sum(), torch.tensor(1.0))


def test_truncated_gce_follows_the_progress_of_training():
    loss = TruncatedGCELoss()
    fresh = loss.weights(LOGITS, LABELS)
    assert (fresh > 0).all()
    loss.progress = 0.5
    assert loss.weights(LOGITS, LABELS)[1] == 0


def test_integer_labels_of_any_width():
    for dtype in (torch.int64, torch.int32, torch.uint8):
        assert_close(IMAELoss()(LOGITS, LABELS.to(dtype)), IMAELoss()(LOGITS, LABELS))


@pytest.mark.parametrize("name", LOSSES)
def test_can_be_copied_and_pickled(name):
    loss = ready(name, 3).eval()
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert_close(twin(LOGITS, LABELS, ROWS), loss(LOGITS, LABELS, ROWS))


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ([[1.0]], LABELS, "logits must be a tensor of floats, got list"),
        (LOGITS.long(), LABELS, "got torch.int64"),
        (LOGITS[0], LABELS, r"shape \(N, K\)"),
        (LOGITS[:, :1], LABELS, r"K >= 2, got \(2, 1\)"),
        (LOGITS[:0], LABELS[:0], r"N >= 1"),
        (LOGITS, [0, 2], "labels must be a tensor of integers, got list"),
        (LOGITS, LABELS.float(), "labels must be a tensor of integers, got torch.float32"),
        (LOGITS, LABELS.bool(), "got torch.bool"),
        (LOGITS, LABELS[:1], r"labels must have shape \(2,\)"),
        (LOGITS, torch.tensor([0, 3]), "label 3 at position 1 is outside of 0 to 2"),
        (LOGITS, torch.tensor([-1, 0]), "label -1 at position 0"),
    ],
)
def test_bad_batches_are_named(logits, labels, message):
    with pytest.raises(BadInputError, match=message) as caught:
        IMAELoss()(logits, labels)
    assert isinstance(caught.value, ImaeError)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: build_loss("ima"), "unknown loss 'ima'; choose one of: ael"),
        (lambda: IMAELoss(X=3), "imae: unknown parameter 'X'; it takes: T"),
        (lambda: IMAELoss(T=-1), r"imae: T must be in \[0, 64\], got -1"),
        (lambda: IMAELoss(T="high"), "imae: T must be a number, got 'high'"),
        (lambda: build_loss("gce", q=0), r"gce: q must be in \(0, 1\], got 0"),
        (lambda: build_loss("taylor_ce", t=1.5), "t must be a whole number"),
        (lambda: build_loss("focal", detach=2), r"focal: detach must be in \[0, 1\], got 2"),
        (lambda: build_loss("rce", A=0), r"rce: A must be in \[-100, 0\), got 0"),
        (lambda: ForwardLoss(matrix=[[0.5, 0.4], [0.0, 1.0]]), "row 0 sums to 0.9"),
        (lambda: ForwardLoss(matrix="file.csv"), "forward: matrix must be rows of numbers"),
        (lambda: ForwardLoss(matrix=[[0.0, 1.0], [0.0, 1.0]]), "column 0 of the matrix is all 0"),
        (lambda: BackwardLoss(matrix=[[0.5, 0.5], [0.5, 0.5]]), "can be inverted"),
        (lambda: ForwardLoss(matrix=symmetric_matrix(3)).bind(9, 4), "the matrix is 3 x 3, but there are 4 classes"),
        (lambda: ForwardLoss().bind(9, 4), "this run knows none.*Give the loss its parameter `matrix`"),
        (lambda: ForwardLoss(matrix=symmetric_matrix(4))(LOGITS, LABELS), "is 4 x 4, but the logits have 3 classes"),
        (lambda: ForwardLoss()(LOGITS, LABELS), r"build it with matrix=T .* or call bind"),
        (lambda: GJSLoss()(LOGITS.expand(3, 2, 3), LABELS), r"\(N, K\) or \(2, N, K\)"),
        (lambda: IMAELoss()(LOGITS.expand(2, 2, 3), LABELS), r"shape \(N, K\) with"),
        (lambda: CCELoss(T=8), "cce: unknown parameter 'T'; it takes: none"),
        (lambda: CCELoss(reduction="average"), "unknown reduction 'average'; choose one of: mean"),
        (lambda: CurveLoss(lambda p: p - 0.5), "it is -0.5 at p = 0"),
        (lambda: CurveLoss(lambda p: 1 / p), "finite and at least 0"),
        (lambda: CurveLoss(lambda p: p.sum()), "the shape of p"),
        (lambda: CurveLoss(lambda p: p.nonsense()), "fails on a tensor of p: AttributeError"),
    ],
)
def test_bad_losses_are_named(build, message):
    with pytest.raises(BadInputError, match=message):
        build()


def test_lambda_may_be_written_as_in_the_paper():
    assert build_loss("dm", **{"lambda": 2.0}).params["lam"] == 2.0
