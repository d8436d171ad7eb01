"""`imae review` from a shell's point of view."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

import imae_core.cli  # noqa: F401 - declares the commands
from imae_core.cli.options import app
from imae_core.data.store import is_ready, load_dataset
from imae_core.errors import BadInputError
from imae_core.review import Journal
from imae_core.runs.store import Store


def imae(home, *words):
    return CliRunner().invoke(app, ["review", *map(str, words), "--home", str(home)])


@pytest.fixture
def reviewed(home, folder):
    ada = Journal(home, folder.run_id, "Ada")
    ada.decide(7, "relabel", 4)
    ada.decide(8, "drop")
    Journal(home, folder.run_id, "Grace").decide(7, "keep")
    return folder


def test_list_tells_counts_and_conflicts(home, reviewed):
    answer = json.loads(imae(home, "list", reviewed.run_id, "--json").stdout)
    assert answer["reviewers"]["Ada"] == {"keep": 0, "relabel": 1, "drop": 1, "unsure": 0}
    assert answer["conflicts"] == [{"index": 7, "Ada": "relabel to 4", "Grace": "keep", "agree": False}]


def test_export_labels_and_issues(home, reviewed, tmp_path):
    assert imae(home, "export", reviewed.run_id, "--reviewer", "Ada", "--out", tmp_path / "a.csv").exit_code == 0
    labels = pd.read_csv(tmp_path / "a.csv").set_index("index")
    assert len(labels) == 60
    assert labels.loc[7, "final_label"] == 4
    assert pd.isna(labels.loc[8, "final_label"])
    words = ["--reviewer", "Ada", "--kind", "issues", "--suspects", 5, "--out", tmp_path / "b.parquet"]
    assert imae(home, "export", reviewed.run_id, *words).exit_code == 0
    assert pd.read_parquet(tmp_path / "b.parquet")["is_label_issue"].sum() in (5, 6, 7)


def test_repair_by_rank_without_any_review(home, folder, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    words = ["--reviewer", "nobody", "--name", "fixed", "--unreviewed", "drop", "--suspects", 20, "--train", "--json"]
    answer = json.loads(imae(home, "repair", folder.run_id, *words).stdout)
    assert load_dataset(home, "fixed").num_train == 40
    assert answer["report"]["provenance"]["dropped_by_rule"] == 20
    assert Store(home).get(answer["run_ids"][0]).config.dataset == "fixed"


def test_what_is_refused(home, folder, tmp_path):
    for words, problem in (
        (["export", folder.run_id, "--reviewer", "Ada", "--out", tmp_path / "a.csv"], "has not reviewed"),
        (["export", folder.run_id, "--reviewer", "Ada", "--kind", "x", "--out", tmp_path / "a.csv"], "unknown kind"),
        (["repair", folder.run_id, "--reviewer", "../x", "--name", "fixed"], "reviewer's name"),
        (["repair", "nope", "--reviewer", "Ada", "--name", "fixed"], "no run"),
    ):
        answer = imae(home, *words)
        assert isinstance(answer.exception, BadInputError), answer.output
        assert problem in str(answer.exception)
    assert not is_ready(home, "fixed")
