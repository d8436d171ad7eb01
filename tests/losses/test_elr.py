"""ELR's memory: by example, only where training changes it, saved with the criterion."""

import copy

import pytest
import torch
from torch.testing import assert_close

from imae_core.errors import BadInputError
from imae_core.losses import ELRLoss

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.5]])
LABELS = torch.tensor([0, 2])
ROWS = torch.tensor([4, 1])


def bound(**params):
    loss = ELRLoss(**params)
    loss.bind(6, 3)
    return loss


def stepped(loss, logits=LOGITS):
    return loss(logits.clone().requires_grad_(), LABELS, ROWS)


def test_memory_is_a_running_mean_of_clipped_predictions():
    loss = bound(beta=0.7, clip=0.01)
    far = torch.tensor([[20.0, 0.0, 0.0], [0.0, 1.0, 0.5]])
    stepped(loss)
    stepped(loss, far)
    clipped = far.softmax(1).clamp(0.01, 0.99)
    first, second = LOGITS.softmax(1), clipped / clipped.sum(1, keepdim=True)
    assert_close(loss.memory[ROWS], 0.7 * 0.3 * first + 0.3 * second)
    assert (loss.memory[[0, 2, 3, 5]] == 0).all(), "of other examples it knows nothing"


def test_the_memory_is_updated_before_it_is_used():
    loss = bound(beta=0.5, lam=2.0)
    p = LOGITS.softmax(1)
    value = stepped(loss)
    expected = torch.nn.functional.cross_entropy(LOGITS, LABELS) + 2 * torch.log(1 - (0.5 * p * p).sum(1)).mean()
    assert_close(value.detach(), expected)


def test_of_an_example_that_is_twice_in_a_batch_the_last_one_counts():
    loss = bound(beta=0.7)
    loss(LOGITS.clone().requires_grad_(), LABELS, torch.tensor([3, 3]))
    assert_close(loss.memory[3], 0.3 * LOGITS.softmax(1)[1])


def test_only_training_with_a_gradient_changes_it():
    loss = bound()
    stepped(loss)
    kept = loss.memory.clone()
    loss.weights(LOGITS + 1.5 * torch.eye(3)[:2], LABELS, ROWS)
    with torch.no_grad():
        loss(LOGITS.flip(1), LABELS, ROWS)
    loss.eval()
    stepped(loss, LOGITS.flip(1))
    assert torch.equal(loss.memory, kept)
    loss.train()
    stepped(loss, LOGITS.flip(1))
    assert not torch.equal(loss.memory, kept)


def test_no_gradient_flows_through_the_memory():
    loss = bound()
    first = LOGITS.clone().requires_grad_()
    loss(first, LABELS, ROWS).backward()
    first.grad = None
    loss(LOGITS.clone().requires_grad_(), LABELS, ROWS).backward()
    assert first.grad is None
    assert not loss.memory.requires_grad


def test_state_goes_with_the_criterion():
    loss = bound()
    stepped(loss)
    twin = bound()
    twin.load_state_dict(loss.state_dict())
    assert torch.equal(stepped(loss).detach(), stepped(twin).detach())
    assert torch.equal(loss.memory, twin.memory)
    assert torch.equal(copy.deepcopy(loss).memory, loss.memory)


def test_examples_never_trained_on_have_cross_entropys_weight():
    loss = bound().eval()
    expected = 2 * (1 - LOGITS.softmax(1)[torch.arange(2), LABELS])
    assert_close(loss.weights(LOGITS, LABELS), expected)


def test_memory_lowers_the_weight_of_what_it_contradicts():
    """The point of the method: a wrong label, once the net knows better, pulls less."""
    loss = bound().eval()
    logits, label = torch.tensor([[3.0, 0.0, 0.0]]), torch.tensor([1])
    loss.memory[2] = torch.tensor([0.9, 0.05, 0.05])
    gradients = []
    for rows in (None, torch.tensor([2])):
        leaf = logits.clone().requires_grad_()
        loss(leaf, label, rows).backward()
        gradients.append(leaf.grad[0])
    assert gradients[0][0] > 0, "cross entropy pushes the prediction down"
    assert gradients[1][0] < 0, "with the memory it is held up"


@pytest.mark.parametrize(
    ("loss", "rows", "message"),
    [
        (ELRLoss(), ROWS, r"call bind\(num_examples, num_classes\) once before training, and pass rows="),
        (ELRLoss(), None, r"call bind\(num_examples, num_classes\)"),
        (bound(), None, r"pass rows=, their numbers \(N,\) in 0 to 5"),
        (bound(), ROWS[:1], r"rows of shape \(1,\)"),
    ],
)
def test_what_is_missing_is_named(loss, rows, message):
    with pytest.raises(BadInputError, match=message):
        loss(LOGITS, LABELS, rows)


def test_more_classes_than_it_was_bound_to():
    with pytest.raises(BadInputError, match="elr remembers 3 classes"):
        bound()(torch.zeros(2, 4), LABELS, ROWS)
