"""A run in folds through its folder: what it writes, that it stops and goes on, and that every reader takes it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from imae_core.analysis.detectors import DETECTORS
from imae_core.errors import BadInputError
from imae_core.files import read_json
from imae_core.recipes import make_config
from imae_core.runs.evaluate import evaluate_checkpoint
from imae_core.runs.execute import execute
from imae_core.runs.submit import create_run
from imae_core.runs.suspects import suspects_table

CONFIG = make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}, epochs=2, num_folds=3, num_train=600)


@pytest.fixture
def trained(home):
    folder = create_run(home, CONFIG)
    assert execute(folder) == "done"
    return folder


def test_a_run_in_folds_is_a_run_like_any_other(trained):
    assert (trained.epochs("eval"), trained.epochs("seen")) == ([6], [])
    assert trained.array("pred_probs").shape == (600, 10)
    assert trained.array("embeddings").shape == (600, 256)
    assert trained.metrics()["fold"].tolist() == [1, 1, 2, 2, 3, 3]
    result = trained.result()
    assert (result["num_folds"], result["epochs"], result["best_test_accuracy"]) == (3, 6, None)
    assert result["final_test_accuracy"] == trained.metrics()["test_accuracy"].iloc[-1]
    assert set(trained.histograms()["source"]) == {"eval"}
    given, p_label = trained.examples()["given_label"], trained.dynamics("eval", 6)["p_label"]
    np.testing.assert_array_equal(trained.array("pred_probs")[np.arange(600), given], p_label)
    beat = trained.heartbeat()
    assert (beat["phase"], beat["epochs"], beat["step"]) == ("done", 6, beat["total_steps"])
    table = suspects_table(trained, list(DETECTORS))
    assert table["rank"].nunique() == 600
    with pytest.raises(BadInputError, match="3 nets, one a fold"):
        evaluate_checkpoint(trained)


@pytest.mark.parametrize("stop_at", [3, 13])
def test_stopped_by_its_control_file_and_resumed_it_gives_the_same_bits(home, trained, stop_at):
    folder = create_run(home, CONFIG)

    def stop(progress):
        if progress.step == stop_at:
            folder.write_control("", stop=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imae_core.runs.observer.CONTROL_SECONDS", 0.0)
        assert execute(folder, report=stop) == "stopped"
    assert folder.result() is None
    assert stop_at <= folder.heartbeat().get("step", stop_at) < CONFIG.total_steps(600)
    folder.write_control("", stop=False)
    assert execute(folder) == "done"
    for name in ("pred_probs", "embeddings"):
        np.testing.assert_array_equal(folder.array(name), trained.array(name))
    columns = [column for column in trained.metrics() if "second" not in column]
    assert folder.metrics()[columns].equals(trained.metrics()[columns])
    assert folder.dynamics("eval", 6).equals(trained.dynamics("eval", 6))
    assert len(folder.histograms()) == len(trained.histograms())


def test_the_command_line_takes_folds(home):
    command = [
        sys.executable,
        "-m",
        "imae_core",
        "train",
        "--folds",
        "2",
        "--epochs",
        "1",
        "--num-train",
        "200",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["num_folds"], result["epochs"]) == (2, 2)
    assert "2-fold" in done.stderr
    assert read_json(home / "runs" / result["run_id"] / "config.json")["num_folds"] == 2
    command[5] = "1"
    refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert refused.returncode == 2
    assert "num_folds" in refused.stderr
