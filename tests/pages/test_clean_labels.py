"""Clean labels by Streamlit's own test driver: what each step says, and what its buttons do. The queue's payload too."""

import json
from base64 import b64decode

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from imae_core.analysis.scorecard import scorecard
from imae_core.data.store import import_report, is_ready, load_dataset
from imae_core.review import Journal
from imae_core.runs.store import Store
from imae_core.runs.suspects import suspects_table
from tests.pages.test_pages import APP, opened, texts
from tests.runs.folders import made_up_run
from ui.clean.queue import PAST, UPCOMING, queue_payload
from ui.clean.ranking import Ranking


@pytest.fixture
def app(home, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    st.cache_resource.clear()
    st.cache_data.clear()
    return AppTest.from_file(APP, default_timeout=30)


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def test_without_a_run_it_says_what_to_do(app):
    assert "there is none yet" in texts(opened(app, "clean_labels"))


def test_links_restore_run_ranking_reviewer_and_step(app, home):
    folders = [made_up_run(home, seed=seed)[1] for seed in (0, 1)]
    query = {"run": folders[0].run_id, "ranking": "loss,confidence", "reviewer": "Ada", "step": "estimates"}
    opened(app, "clean_labels", **query)
    assert app.selectbox(key="run").value == folders[0].run_id
    assert app.multiselect(key="ranking").value == ["loss", "confidence"]
    assert app.text_input(key="reviewer").value == "Ada"
    assert metrics(app)["In truth"] == "33.3 %"
    assert "How well the ranking finds wrong labels" in texts(app)
    scores = next(table.value for table in app.dataframe if "ROC-AUC" in table.value)
    assert scores["Ranking"].tolist() == ["mean rank", "Loss", "Mean confidence"]
    assert (scores["ROC-AUC"] > 0.9).all()
    app.multiselect(key="ranking").set_value([]).run()
    assert app.multiselect(key="ranking").value == ["confidence"], "some ranking there must be"
    assert not app.exception


def chart(app, name):
    """The lines of a chart that was drawn: their x and y by name."""

    def numbers(values):
        packed = isinstance(values, dict)
        return (np.frombuffer(b64decode(values["bdata"]), values["dtype"]) if packed else np.asarray(values)).tolist()

    drawn = [json.loads(e.proto.json) for e in app.get("bidi_component") if e.proto.component_name == "imae_chart"]
    figure = json.loads(next(data["figure"] for data in drawn if data["name"] == name))
    return {line["name"]: {axis: numbers(line[axis]) for axis in "xy"} for line in figure["data"]}


def test_the_scorecard_by_epoch_says_how_many_are_shown(app, home):
    _, folder = made_up_run(home, epochs=45)
    opened(app, "clean_labels", run=folder.run_id, ranking="confidence,cores", step="estimates", scores="epoch")
    lines = chart(app, "course_auc")
    assert list(lines) == ["mean rank", "Mean confidence", "CORES sieve", "chance"]
    assert len(lines["Mean confidence"]["x"]) == 40
    assert lines["CORES sieve"]["x"] == lines["mean rank"]["x"] == [45]
    truth = folder.examples()["is_corrupted"]
    expected = scorecard(suspects_table(folder)["suspicion"], truth)
    assert lines["Mean confidence"]["y"][-1] == pytest.approx(expected.auc)
    assert chart(app, "course_average_precision")["chance"]["y"][0] == pytest.approx(1 / 3)
    assert "60 examples, 20 of them with a wrong label · 40 of 45 evaluated epochs" in texts(app)
    assert "needs the final net's outputs: mean rank, CORES sieve" in texts(app)
    app.segmented_control(key="scores").set_value("now").run()
    assert "scores" not in app.query_params


def test_the_scorecard_by_loss_has_a_row_for_each_run_on_the_same_labels(app, home):
    own, _ = made_up_run(home, loss="cce")
    opened(app, "clean_labels", run=own.run_id, step="estimates", scores="loss")
    assert "No other run of this home has trained on the same examples" in texts(app)
    for loss in ("mae", "imae"):
        made_up_run(home, loss=loss)
    other = made_up_run(home, loss="imae", done=False)[1]
    (other.path / "pred_probs.npy").unlink()
    made_up_run(home, loss="gce", seed=1)
    opened(app, "clean_labels", run=own.run_id, step="estimates", scores="loss", ranking="cores")
    app.multiselect(key="ranking").set_value(["cores"]).run()
    table = next(table.value for table in app.dataframe if "evaluated epochs" in table.value)
    assert table["run"].str.partition(" · ")[0].tolist() == ["CCE (this run)", "MAE", "IMAE", "IMAE"]
    assert table["auc"].isna().tolist().count(True) == 1, "it has no probabilities yet"
    assert set(chart(app, "course_auc")) == {*table.loc[table["auc"].notna(), "run"], "chance"}
    app.multiselect(key="score_lines").set_value([table["run"][1]]).run()
    assert set(chart(app, "course_auc")) == {"MAE", "chance"}
    assert not app.exception


def test_an_estimate_says_what_it_does_not_cover(app, home):
    _, folder = made_up_run(home, epochs=10)
    given = folder.examples()["given_label"].to_numpy()
    folder.write_array("pred_probs", (0.01 + 0.9 * np.eye(10)[given]).astype(np.float32))
    opened(app, "clean_labels", step="estimates", ranking="loss")
    assert "The interval covers chance alone" in texts(app)
    assert "Probably too low: the net has memorised labels" in texts(app)
    assert "By the ranking" in metrics(app)
    app.multiselect(key="ranking").set_value(["loss", "confident_learning"]).run()
    assert "By the ranking" not in metrics(app), "a mixture says nothing about a mean rank"
    assert "evidence counts twice" in texts(app)
    app.multiselect(key="ranking").set_value(["loss", "aum"]).run()
    assert "evidence counts twice" not in texts(app)


def test_truth_that_is_not_known_is_not_asked_for(app, home):
    made_up_run(home, known=False)
    opened(app, "clean_labels", step="estimates")
    assert "only where the truth is known" in texts(app)
    assert "In truth" not in metrics(app)
    app.segmented_control(key="step").set_value("review").run()
    assert not [toggle for toggle in app.toggle if toggle.key == "review_reveal"]
    app.segmented_control(key="step").set_value("repair").run()
    assert "Noise rate" not in metrics(app)


def test_a_name_that_is_no_file_name_is_refused(app, home):
    made_up_run(home)
    opened(app, "clean_labels", reviewer="../../etc")
    assert "reviewer's name is made of letters" in texts(app)


def test_repair_counts_makes_and_trains(app, home):
    run, folder = made_up_run(home)
    labels = folder.examples()
    journal = Journal(home, run.run_id, "Ada")
    wrong = labels[labels["is_corrupted"]]
    for index, true in wrong[["index", "true_label"]].head(6).to_numpy():
        journal.decide(int(index), "relabel", int(true))
    opened(app, "clean_labels", reviewer="Ada", step="repair")
    assert "relabelled 6" in texts(app)
    assert metrics(app)["Noise rate"] == "23.3 %"
    app.segmented_control(key="rule_action").set_value("drop").run()
    app.number_input(key="rule_count").set_value(10).run()
    dropped = 60 - int(metrics(app)["Examples"])
    assert 4 <= dropped <= 10
    app.button(key="repair_train").click().run()
    assert not app.exception
    assert load_dataset(home, "digits-repaired").num_train == 60 - dropped
    assert import_report(home, "digits-repaired")["provenance"]["reviewer"] == "Ada"
    queued = next(stored for stored in Store(home).runs() if stored.run_id != run.run_id)
    assert (queued.config.dataset, queued.config.noise.rate, queued.config.loss) == (
        "digits-repaired", 0.0, run.config.loss,
    )  # fmt: skip
    assert "digits-repaired** is made" in texts(app)
    app.text_input(key=f"repair_name_{run.run_id}").set_value("digits-repaired").run()
    app.button(key="repair_make").click().run()
    assert "There is a data set 'digits-repaired' already" in texts(app)
    assert not is_ready(home, "digits-repaired-2")


def test_reviewers_are_compared(app, home):
    run, _ = made_up_run(home)
    for name, action in (("Ada", "keep"), ("Grace", "drop")):
        Journal(home, run.run_id, name).decide(5, action)
    opened(app, "clean_labels", reviewer="Ada", step="repair")
    assert "**1** examples were decided by two or more, **1** of them differently" in texts(app)


class View:
    """What the queue asks of a run's view, without Streamlit."""

    def __init__(self, folder, num_classes=10):
        self.run_id, self.num_classes, self.data = folder.run_id, num_classes, None
        self.status = type("Status", (), {"folder": folder})()
        self.class_name, self.picture = str, lambda row: f"picture {row}"


@pytest.fixture
def ranking(home, monkeypatch):
    run, folder = made_up_run(home)
    monkeypatch.setattr(Ranking, "estimate", None)
    monkeypatch.setattr(Ranking, "mixture_rate", 1 / 3)
    suspects = suspects_table(folder, ["confidence"])
    return Ranking(View(folder), ("confidence",), suspects, Journal(home, run.run_id, "Ada"))


def payload(ranking, start=1, label=None, reveal=False, have=None):
    return queue_payload(ranking, start, label, reveal, have or {})


def test_the_queue_goes_by_rank_and_leaves_out_what_is_reviewed(ranking):
    by_rank = ranking.suspects.sort_values("rank")["index"].tolist()
    assert payload(ranking)["upcoming"] == by_rank[:UPCOMING]
    ranking.journal.decide(by_rank[0], "keep")
    ranking.journal.decide(by_rank[3], "drop")
    now = payload(ranking)
    assert now["upcoming"] == [i for i in by_rank if i not in (by_rank[0], by_rank[3])][:UPCOMING]
    assert [(entry["index"], entry["action"]) for entry in now["history"]] == [
        (by_rank[0], "keep"),
        (by_rank[3], "drop"),
    ]
    assert (now["reviewed"], now["total"]) == (2, 60)
    assert payload(ranking, start=6)["upcoming"] == by_rank[5 : 5 + UPCOMING]
    given = ranking.suspects.set_index("index")["given_label"]
    of_class = payload(ranking, label=3)
    assert (
        of_class["upcoming"] == [i for i in by_rank if given[i] == 3 and i not in (by_rank[0], by_rank[3])][:UPCOMING]
    )
    assert of_class["total"] == (given == 3).sum()


def test_pictures_are_sent_once(ranking):
    first = payload(ranking)
    assert {item["index"] for item in first["items"]} == set(first["upcoming"])
    have = {"view": first["view"], "indices": first["upcoming"]}
    ranking.journal.decide(first["upcoming"][0], "keep")
    second = payload(ranking, have=have)
    assert [item["index"] for item in second["items"]] == second["upcoming"][-1:]
    assert len(payload(ranking, reveal=True, have=have)["items"]) == UPCOMING + 1, "another view has other facts"
    for index in second["upcoming"]:
        ranking.journal.decide(index, "keep")
    assert len(payload(ranking)["items"]) == UPCOMING + PAST


def test_choices_are_the_classes_or_the_nine_most_probable(ranking):
    probs = np.full((60, 12), 0.01)
    probs[:, 11] = 0.9
    ranking.view.status.folder.write_array("pred_probs", probs[:, :10].astype(np.float32))
    item = payload(ranking)["items"][0]
    assert [(choice["key"], choice["label"]) for choice in item["choices"]] == [(str(k), k) for k in range(10)]
    assert "True label" not in dict(item["facts"])
    assert "True label" in dict(payload(ranking, reveal=True)["items"][0]["facts"])
    ranking.view.status.folder.write_array("pred_probs", probs.astype(np.float32))
    ranking.view.num_classes = 12
    choices = payload(ranking)["items"][0]["choices"]
    assert [choice["key"] for choice in choices] == list("123456789")
    assert choices[0] == {"key": "1", "label": 11, "probability": pytest.approx(0.9)}
