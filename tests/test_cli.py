"""The command line by its contract: JSON last, exit codes, one-line messages."""

import json
import os
import subprocess
import sys
import zipfile

import pandas as pd
import pytest

from imae_core.data import jobs
from imae_core.runs.store import Store
from tests.conftest import wait_until

CONTRACT = {
    "run_id", "best_test_accuracy", "final_test_accuracy", "train_accuracy_given", "train_accuracy_true",
    "noisy_subset_accuracy", "clean_subset_accuracy", "hybrid_accuracy", "realized_noise_rate", "detection_auc",
    "seconds", "examples_per_second",
}  # fmt: skip


def imae(*arguments, check=0):
    done = subprocess.run(
        [sys.executable, "-m", "imae_core", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == check, done.stdout + done.stderr
    return done


@pytest.fixture
def trained(home):
    done = imae("train", "--noise-rate", "0.4", "--loss", "imae", "--loss-param", "T=6", "--epochs", "2", "--json")
    return json.loads(done.stdout.splitlines()[-1])


def test_train_prints_the_result_and_writes_the_run_folder(home, trained):
    assert set(trained) >= CONTRACT
    folder = home / "runs" / trained["run_id"]
    assert json.loads((folder / "result.json").read_text()) == trained
    assert trained["config"]["loss"]["params"] == {"T": 6.0}
    for name in ("config.json", "environment.json", "examples.arrow", "metrics.arrow", "histograms.arrow", "trajectory.arrow",
                 "checkpoint.pt", "heartbeat.json", "log.txt", "dynamics/seen-00002.arrow", "dynamics/eval-00002.arrow",
                 "pred_probs.npy", "embeddings.npy"):  # fmt: skip
        assert (folder / name).exists(), name
    run = Store(home).get(trained["run_id"])
    assert (run.state, run.executor) == ("done", "foreground")


def test_runs_evaluate_and_export(home, trained, tmp_path):
    run_id = trained["run_id"]
    listed = json.loads(imae("runs", "--json").stdout)
    assert [(run["run_id"], run["state"]) for run in listed["runs"]] == [(run_id, "done")]
    numbers = json.loads(imae("evaluate", run_id, "--json").stdout)
    assert numbers["test_accuracy"] == trained["final_test_accuracy"]
    assert numbers["hybrid_accuracy"] == pytest.approx(trained["hybrid_accuracy"])
    for name in ("table.csv", "table.parquet", "run.zip"):
        imae("export", run_id, str(tmp_path / name))
    table = pd.read_csv(tmp_path / "table.csv")
    assert len(table) == 1297
    assert {"index", "given_label", "true_label", "p_label", "weight", "aum", "suspicion"} <= set(table)
    assert len(pd.read_parquet(tmp_path / "table.parquet")) == 1297
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert f"{run_id}/result.json" in archive.namelist()
    assert "is there already" in imae("export", run_id, str(tmp_path / "table.csv"), check=2).stderr


def test_submit_queues_one_run_a_loss_and_seed(home, monkeypatch):
    done = imae("submit", "--loss", "cce", "--loss", "mae", "--seed", "0", "--seed", "1", "--epochs", "1", "--json")
    run_ids = json.loads(done.stdout)["run_ids"]
    store = Store(home)
    assert {(r.config.loss.name, r.config.seed) for r in store.runs()} == {
        ("cce", 0),
        ("cce", 1),
        ("mae", 0),
        ("mae", 1),
    }
    wait_until(lambda: all(run.state == "done" for run in store.runs()))
    assert len(run_ids) == 4
    assert f"run {run_ids[0]} is done already" in imae("stop", run_ids[0], check=2).stderr
    assert "only a stopped or failed run" in imae("resume", run_ids[0], check=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--loss", "imea"], "unknown loss 'imea'; choose one of: ael"),
        (["train", "--loss-param", "T=8"], "cce: unknown parameter 'T'"),
        (["train", "--loss", "imae", "--loss-param", "T"], "--loss-param takes NAME=VALUE"),
        (["train", "--noise-rate", "1.4"], "less than or equal to 1"),
        (["train", "--noise", "symmetrical"], "unknown noise model"),
        (["train", "--noise", "transition_matrix"], "needs --noise-matrix"),
        (["train", "--dataset", "cifar11"], "there is no data set 'cifar11'"),
        (["train", "--model", "resnet18"], "unknown model 'resnet18'"),
        (["train", "--device", "tpu"], "device"),
        (["train", "--device", "cuda:7"], "device 'cuda:7' is not here"),
        (["train", "--epochs", "3", "--iterations", "5"], "either epochs or iterations"),
        (["train", "--lr", "-1"], "lr"),
        (["train", "--loss", "cce", "--loss", "mae"], "use `imae submit` for several"),
        (["stop", "nothing"], "there is no run 'nothing'"),
        (["datasets", "add", "cifar11"], "unknown file, folder or built-in data set 'cifar11'"),
        (["export", "nothing", "x.csv"], "there is no run"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(home, arguments, message):
    done = imae(*arguments, check=2)
    assert message in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("imae: ")]
    assert len(lines) == 1
    assert "Traceback" not in done.stderr


def test_a_failed_run_is_exit_code_1(home):
    done = imae("train", "--lr", "1e6", "--epochs", "3", check=1)
    assert "imae: training diverged" in done.stderr
    assert Store(home).runs()[0].state == "failed"


def test_no_network_is_said(home, monkeypatch):
    blocked = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    for name, value in blocked.items():
        monkeypatch.setitem(os.environ, name, value)
    done = imae("datasets", "add", "cifar10", check=2)
    assert "cannot download CIFAR-10: no connection" in done.stderr
    assert jobs.job_status(home, "cifar10") is None, "the person at the command line has seen it"
    listed = json.loads(imae("datasets", "list", "--json").stdout)
    assert [d["name"] for d in listed["datasets"] if d["ready"]] == ["digits"]


def test_paper_prints_table_6(home):
    assert "88.2" in imae("paper").stdout


def test_a_net_that_collapsed_is_said(home):
    result = json.loads(imae("train", "--loss", "imae", "--max-log-odds", "0", "--epochs", "20", "--json").stdout)
    assert "has collapsed" in result["warning"]
    assert status_of(home).note == result["warning"]
    assert json.loads(imae("train", "--loss", "imae", "--epochs", "20", "--json").stdout)["warning"] is None


def status_of(home):
    from imae_core.runs.status import all_statuses

    return all_statuses(Store(home))[0]


def test_groups_are_stopped_resumed_and_deleted_together(home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    imae("submit", "--loss", "cce", "--loss", "mae", "--group", "pair")
    (single,) = json.loads(imae("submit", "--seed", "5", "--json").stdout)["run_ids"]
    imae("first", single)
    assert Store(home).runs("queued")[0].run_id == single
    imae("delete", "--group", "pair")
    assert [run.delete_wished is not None for run in Store(home).runs()] == [False, True, True]
    assert "name runs by their ids, or a group" in imae("stop", check=2).stderr
    assert "no runs in group 'other'" in imae("resume", "--group", "other", check=2).stderr
