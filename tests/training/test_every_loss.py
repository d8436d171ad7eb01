"""Every loss trains, records finite weights, and resumes bit for bit, also where it stopped before an evaluation."""

import numpy as np
import pytest
import torch

from imae_core.losses import LOSSES
from tests.training.test_trainer import Notebook, assert_same_run, trainer_for

CHOICES = {"epochs": 2, "num_train": 120, "batch_size": 40, "model": {"name": "mlp", "params": {}}}


def run(loss, stop_at=None, state=None, phase="training", **choices):
    trainer, notebook = trainer_for(**CHOICES | choices, loss={"name": loss}), Notebook()
    if state is not None:
        trainer.load(state)
    if stop_at is not None:
        notebook.on_progress = lambda progress: progress.step >= stop_at and progress.phase == phase
    trainer.run(notebook)
    return trainer, notebook


@pytest.mark.parametrize("name", LOSSES)
def test_trains_and_resumes_bit_for_bit(name, tmp_path):
    whole = run(name)
    assert whole[0].is_finished
    for record in whole[1].records:
        assert np.isfinite(record.seen["weight"]).all()
        assert np.isfinite(record.evaluation.columns["weight"]).all()
        assert record.seen["weight"].max() <= 1.02 * whole[0].weight_limit
    assert whole[1].records[0].seen["weight"].max() > 0
    for stop_at, phase in ((3, "evaluating"), (5, "training")):
        halted, _ = run(name, stop_at=stop_at, phase=phase)
        torch.save(halted.state(), tmp_path / "checkpoint.pt")
        resumed = run(name, state=torch.load(tmp_path / "checkpoint.pt", weights_only=True))
        assert_same_run(whole, resumed)
        for record, other in zip(reversed(whole[1].records), reversed(resumed[1].records), strict=False):
            np.testing.assert_array_equal(record.evaluation.columns["weight"], other.evaluation.columns["weight"])
