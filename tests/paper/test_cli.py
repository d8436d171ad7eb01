"""`imae paper`: tables, presets, the queue, training here, comparison; exit codes."""

import json
import sys
from types import SimpleNamespace

import pytest

from imae_core import cli
from imae_core.runs.store import Store


@pytest.fixture
def imae(home, monkeypatch, capsys):
    """The command line in this process: starting one takes seconds each."""

    def run(*arguments, check=0):
        monkeypatch.setattr(sys, "argv", ["imae", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == check, said
        return SimpleNamespace(stdout=said.out, stderr=said.err)

    return run


def test_published_tables_are_shown_with_their_version(imae, home):
    text = imae("paper", "show", "table2").stdout
    assert "| ResNet20 | symmetric 80 % | IMAE (T = 8) | 71.5 | 62.8 | 34.9 | 65.3 |" in text
    assert "August 2019 version (v4), Table 2" in text
    assert "71.5" not in imae("paper", "show", "table6").stdout
    records = json.loads(imae("paper", "show", "all", "--format", "json").stdout)
    assert len(records) > 300
    assert {record["source"] for record in records} - {""}
    assert imae("paper", "show", "authors_logs", "--format", "csv").stdout.count("\n") == 81


def test_presets_are_listed_with_what_is_there(imae, home):
    listed = {row["preset"]: row for row in json.loads(imae("paper", "list", "--json").stdout)["presets"]}
    assert listed["table6"]["here"] == "18 missing"
    assert (listed["table6"]["missing"], listed["table6"]["seconds_left"]) == (18, None)
    assert listed["table6_small"]["scaled_down"]


def test_a_preset_is_queued_once(imae, home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    words = (
        "paper",
        "submit",
        "table6",
        "--only",
        "resnet20",
        "--only",
        "imae",
        "--seed",
        "0",
        "--seed",
        "1",
        "--device",
        "cpu",
        "--json",
    )
    first = json.loads(imae(*words).stdout)
    assert len(first["new"]) == 6
    assert json.loads(imae(*words).stdout) == {"new": [], "resumed": [], "present": first["new"]}
    runs = Store(home).runs()
    assert {(run.config.model.name, run.config.loss.name, run.config.device) for run in runs} == {
        ("resnet20", "imae", "cpu")
    }
    assert {run.group_name for run in runs} == {"paper-table6"}


def test_here_trains_and_compare_shows_it(imae, home):
    words = ("paper", "here", "digits", "--only", "mae", "--only", "40")
    done = json.loads(imae(*words, "--json").stdout)
    assert [run["outcome"] for run in done["runs"]] == ["done"]
    assert json.loads(imae(*words, "--json").stdout)["runs"] == [], "it is there already"
    text = imae("paper", "compare", "digits").stdout
    assert "**Not comparable: scaled down" in text
    assert "MLP, symmetric 40 %, final: CCE 67.0 < MAE 75.9 < IMAE 84.0; ours MAE " in text
    (found,) = json.loads(imae("paper", "compare", "digits", "--format", "json").stdout)
    numbers = {r["metric"]: r for r in found["numbers"] if r["loss"] == "mae" and r["noise_rate"] == 0.4}
    assert numbers["final_test_accuracy"]["n"] == 1
    assert 50 < numbers["final_test_accuracy"]["mean"] < 95
    assert numbers["final_test_accuracy"]["difference"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "table7"], "unknown table 'table7'; choose one of: all, authors_logs"),
        (["show", "table6", "--format", "latex"], "unknown format 'latex'"),
        (["submit", "table7"], "unknown preset 'table7'"),
        (["submit", "table6", "--only", "sce"], "unknown word for preset table6 'sce'"),
        (["submit", "table6", "--dataset", "digits"], "digits cannot stand in for CIFAR-10"),
        (["compare", "table6"], "carries out an experiment of table6; `imae paper submit table6` queues them"),
        (["here", "digits", "--jobs", "0"], "jobs must be 1 or more"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(imae, home, arguments, message):
    done = imae("paper", *arguments, check=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
