"""`imae study` by its contract."""

import json

import pytest
from typer.testing import CliRunner

from imae_core.cli.options import app
from imae_core.errors import BadInputError
from imae_core.runs.store import Store
from imae_core.studies.progress import study_progress
from imae_core.studies.store import cells_of, load_study
from tests.studies.made_up import accuracy, made_up


def imae(*arguments):
    """Standard output; raises what the command raises."""
    result = CliRunner().invoke(app, ["study", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def small(home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    imae("create", "small", "--loss", "cce", "--loss", "imae:T=4,8", "--noise-rate", "0", "--noise-rate", "0.4", "--seed", "0",
         "--seed", "1", "--set", "epochs=1", "--set", "num_train=100")  # fmt: skip
    return load_study(home, "small")


def test_create_submit_show_stop_resume_remove(home, small):
    assert [study["runs"] for study in json.loads(imae("list", "--json"))["studies"]] == [12]
    queued = json.loads(imae("submit", "small", "--json"))["run_ids"]
    assert len(queued) == 12
    assert json.loads(imae("show", "small", "--json"))["states"]["queued"] == 12
    imae("stop", "small")
    assert all(run.stop_wished for run in Store(home).runs())
    imae("remove", "small", "--with-runs")
    assert all(run.delete_wished for run in Store(home).runs())
    with pytest.raises(BadInputError, match="there is no study 'small'"):
        imae("show", "small")


def test_table_ranks_and_report(home, small):
    for cell in cells_of(home, small):
        made_up(home, cell, final_test_accuracy=accuracy(cell))
    assert "| IMAE · T 8 | **88.5** ± 0.7 | **80.5** ± 0.7 |" in imae("table", "small")
    assert r"\toprule" in imae("table", "small", "--format", "latex")
    assert imae("table", "small", "--format", "csv", "--metric", "noisy_subset_accuracy").startswith(
        "loss,column,metric"
    )
    assert imae("ranks", "small").startswith("1. IMAE · T 8: 1.00")
    assert "## Differences" in imae("report", "small")
    assert "nothing to rank" in imae("ranks", "small", "--metric", "train_accuracy_given")


def test_widen_and_a_setting_that_varies(home, small):
    imae("widen", "small", "--seed", "2", "--set", "lr=0.1,0.01", "--max-hours", "2")
    study = load_study(home, "small")
    assert (study.seeds, study.factors, study.max_hours) == ((0, 1, 2), {"lr": (0.1, 0.01)}, 2)
    assert len(study_progress(home, study).places) == 36
    with pytest.raises(BadInputError, match="widen adds values to what varies"):
        imae("widen", "small", "--set", "lr=0.5")


def test_a_preset_may_be_changed_on_creation(home):
    imae("create", "digits-sensitivity", "--seed", "7", "--noise-rate", "0.6")
    study = load_study(home, "digits-sensitivity")
    assert (study.seeds, study.noise_rates, len(study.factors), study.design) == ((7,), (0.6,), 4, "one_at_a_time")
    imae("create", "mine", "--preset", "digits-all-losses", "--loss", "cce", "--set", "epochs=1")
    assert [loss.name for loss in load_study(home, "mine").losses] == ["cce"]
    assert load_study(home, "mine").overrides == {"device": "cpu", "epochs": 1}


def test_here_prints_the_report(home):
    imae("create", "tiny", "--loss", "cce", "--loss", "mae", "--noise-rate", "0.4", "--seed", "0", "--set", "epochs=1",
         "--set", "num_train=60")  # fmt: skip
    printed = imae("here", "tiny", "--report")
    assert "2 of 2 runs done" in printed
    assert "| CCE |" in printed
    assert "Command: `imae " in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "x"], "give at least one --loss"),
        (["create", "x", "--loss", "imae:T"], "a loss is NAME:PARAMETER=VALUE"),
        (["create", "x", "--loss", "cce", "--set", "lr"], "a setting is NAME=VALUE"),
        (["create", "x", "--loss", "cce", "--set", "rate=1"], "unknown setting 'rate'"),
        (["create", "x", "--preset", "y"], "unknown preset 'y'"),
        (["table", "x"], "there is no study 'x'"),
        (["here", "x"], "there is no study 'x'"),
    ],
)
def test_bad_input(home, arguments, message):
    with pytest.raises(BadInputError, match=message):
        imae(*arguments)
