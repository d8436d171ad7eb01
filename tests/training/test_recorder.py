"""What is recorded of an example: the same numbers however batches are cut, and those of the saved probabilities."""

import numpy as np
import pytest
import torch

from imae_core.data.sampling import last_occurrences
from imae_core.training.recorder import DynamicsRecorder, dynamics_of, probabilities


def made_up(num_examples, num_classes):
    generator = torch.Generator().manual_seed(num_classes)
    logits = 5 * torch.randn(num_examples, num_classes, generator=generator)
    given, true = torch.randint(0, num_classes, (2, num_examples), generator=generator)
    return logits, torch.rand(num_examples, generator=generator), given, true


@pytest.mark.parametrize("num_classes", [2, 10, 15, 16, 100, 1000])
def test_the_label_has_the_probability_that_is_saved_bit_for_bit(num_classes):
    logits, weights, given, true = made_up(1297, num_classes)
    (p_label, *_), _ = dynamics_of(logits, weights, given, true)
    saved = torch.cat([probabilities(part) for part in logits.split(500)])
    assert torch.equal(p_label, saved.gather(1, given[:, None])[:, 0])
    torch.testing.assert_close(saved, logits.softmax(dim=1))


def test_by_definition_and_for_several_runs_at_once():
    logits, weights, given, true = made_up(200, 5)
    true[::7] = -1
    floats, predicted = dynamics_of(
        *(values.view(4, 50, *values.shape[1:]) for values in (logits, weights, given, true))
    )
    p_label, weight, margin, p_true = floats.flatten(1)
    softmax, rows = logits.softmax(dim=1), torch.arange(200)
    others = logits.clone()
    others[rows, given] = float("-inf")
    torch.testing.assert_close(p_label, softmax[rows, given])
    torch.testing.assert_close(margin, logits[rows, given] - others.amax(dim=1))
    torch.testing.assert_close(p_true[true >= 0], softmax[rows, true][true >= 0])
    assert torch.equal(p_true.isnan(), true < 0)
    assert torch.equal(weight, weights)
    assert torch.equal(predicted.flatten(), logits.argmax(dim=1).int())


def test_however_often_the_buffer_is_full(monkeypatch):
    logits, weights, given, true = made_up(100, 4)
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    found = []
    for values in (4000, 100):
        monkeypatch.setattr("imae_core.training.recorder.BUFFER_VALUES", values)
        recorder = DynamicsRecorder(given, true, 4, 16)
        for rows in order[:90].split(16):
            recorder.record(rows, logits[rows], weights[rows])
        found.append(recorder.columns())
    for name, column in found[0].items():
        np.testing.assert_array_equal(column, found[1][name])
    assert np.isnan(found[0]["weight"]).sum() == 10, "not seen"


def test_of_an_example_twice_in_a_batch_the_last_counts():
    rows = torch.tensor([2, 0, 2, 2, 1])
    recorder = DynamicsRecorder(torch.tensor([1, 2, 0, 0]), None, 3, 5, may_repeat=True)
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    recorder.record(rows, logits, torch.arange(5.0))
    columns = recorder.columns()
    np.testing.assert_array_equal(columns["weight"], [1, 4, 3, np.nan])
    np.testing.assert_allclose(columns["p_label"][2], logits[3].softmax(0)[0], rtol=1e-6)
    assert last_occurrences(rows).tolist() == [3, 1, 3, 3, 4], "so that a GPU, which writes in any order, agrees"
