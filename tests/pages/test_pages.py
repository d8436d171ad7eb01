"""Pages by Streamlit's own test driver: empty states, forms, links; no browser."""

import json
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from imae_core.data.imports import ImportOptions, import_dataset
from imae_core.data.jobs import job_status
from imae_core.data.store import is_ready, load_dataset, remove_dataset
from imae_core.recipes import make_config
from imae_core.runs.execute import execute
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder, submit
from tests.conftest import wait_until
from tests.data.imports.files import table
from ui import run_list

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture
def app(home, monkeypatch):
    st.cache_resource.clear()
    st.cache_data.clear()
    return AppTest.from_file(APP, default_timeout=30)


@pytest.fixture
def nothing_starts(monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")


def opened(app, page, **query):
    run_list.statuses.clear()  # it may be half a second old
    app.run()
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def scope_of(app):
    """What Inspect's scope was given: all epochs, their counts and findings, and the epoch that is shown."""
    found = [e.proto.json for e in app.get("bidi_component") if e.proto.component_name == "imae_scope"]
    assert found, texts(app)
    data = json.loads(found[0])
    return json.loads(data["payload"]) | {"epoch": data["epoch"]}


def finding(app):
    scope = scope_of(app)
    return scope["findings"][scope["epochs"].index(scope["epoch"])]


def texts(app):
    parts = [*app.markdown, *app.caption, *app.info, *app.error, *app.warning, *app.success, *app.title, *app.subheader]
    return "\n".join(str(element.value) for element in parts)


@pytest.mark.parametrize(
    ("page", "hint"),
    [("overview", "Nothing has run yet"), ("runs", "No runs yet"), ("inspect", "There is no run to inspect yet"),
     ("train", "Choose data, label noise and losses"), ("datasets", "What label noise would do")],
)  # fmt: skip
def test_every_page_is_useful_when_empty(app, page, hint):
    assert hint in texts(opened(app, page))


def test_overviews_button_queues_the_papers_experiment(app, home, nothing_starts):
    opened(app, "overview").button(key="paper_experiment").click().run()
    configs = [run.config for run in Store(home).runs()]
    assert [config.loss.name for config in configs] == ["cce", "mae", "imae"]
    assert {(c.dataset, c.noise.kind, c.noise.rate, c.seed, c.epochs) for c in configs} == {
        ("digits", "symmetric", 0.4, 0, 100)
    }


def test_train_queues_what_was_chosen(app, home, nothing_starts):
    opened(app, "train")
    app.multiselect(key="losses").set_value(["imae", "gce"]).run()
    app.number_input(key="loss_imae_T").set_value(4.0).run()
    app.slider(key="noise_digits_rate").set_value(20).run()
    app.selectbox(key="noise_digits_kind").set_value("pairflip").run()
    app.text_input(key="seeds").set_value("0, 1").run()
    assert {metric.label: metric.value for metric in app.metric}["Runs"] == "4"
    app.button(key="queue").click().run()
    configs = [run.config for run in Store(home).runs()]
    assert {(c.loss.name, c.seed) for c in configs} == {("imae", 0), ("imae", 1), ("gce", 0), ("gce", 1)}
    assert {c.noise.kind for c in configs} == {"pairflip"}
    assert {c.noise.rate for c in configs} == {0.2}
    assert {c.loss.params.get("T") for c in configs if c.loss.name == "imae"} == {4.0}


def test_train_takes_losses_without_a_curve_and_says_that_their_weight_is_measured(app, home, nothing_starts):
    opened(app, "train")
    app.multiselect(key="losses").set_value(["cce", "nfl_rce", "elr", "forward"]).run()
    assert not app.exception
    assert "No curve for NFL + RCE, ELR, Forward correction: there the weight depends on the whole prediction" in texts(
        app
    )
    assert "It needs a transition matrix: the run's own noise model's" in texts(app)
    app.number_input(key="loss_elr_lam").set_value(7.0).run()
    app.button(key="queue").click().run()
    found = {run.config.loss.name: run.config.loss.params for run in Store(home).runs()}
    assert found["elr"] == {"lam": 7.0, "beta": 0.7, "clip": 1e-4}
    assert found["forward"] == {"matrix": None}
    assert found["nfl_rce"]["A"] == pytest.approx(-9.21034, rel=1e-5)


def test_train_starts_at_the_published_defaults_for_the_data_set(app, home, nothing_starts):
    opened(app, "train", dataset="cifar100")
    app.multiselect(key="losses").set_value(["sce", "nce_agce"]).run()
    assert app.number_input(key="loss_sce_cifar100_alpha").value == 6.0
    assert app.number_input(key="loss_nce_agce_cifar100_a").value == 1.8
    app.button(key="queue").click().run()
    assert {run.config.loss.params["beta"] for run in Store(home).runs()} == {0.1}


def test_inspect_shows_a_loss_without_a_curve_by_its_measured_weight(app, home, nothing_starts):
    config = make_config("digits", (1, 8, 8), 1297, epochs=2, num_train=120, noise={"rate": 0.4}, loss={"name": "nce"})
    (run_id,) = submit(home, [config])
    execute(run_folder(home, run_id))
    scope = scope_of(opened(app, "inspect", run=run_id))
    assert scope["curve"] is None
    weight = scope["quantities"]["weight"]
    assert weight["edges"]["high"] < 0.2, "the axis ends where this loss's weights do"
    shown = sum(np.array(part["counts"][-1]) for part in weight["populations"].values())
    assert shown.sum() == 120
    assert 10 < np.flatnonzero(shown).max() < 49, "and nothing is beyond it"


def test_train_changes_the_recipe(app, home, nothing_starts):
    opened(app, "train")
    app.selectbox(key="recipe").set_value("apl_cnn8").run()
    key = "apl_cnn8_cnn8_digits"
    assert app.number_input(key=f"clip_{key}").value == 5.0
    app.number_input(key=f"clip_{key}").set_value(0.0).run()
    app.selectbox(key=f"sampler_{key}").set_value("class_balanced").run()
    assert "must divide batch_size, got 10 for batches of 128" in texts(app)
    app.number_input(key=f"classes_{key}").set_value(8).run()
    app.selectbox(key=f"augment_{key}").set_value("resize_crop").run()
    app.selectbox(key=f"normalize_{key}").set_value("standardize").run()
    app.number_input(key=f"validation_{key}").set_value(20).run()
    app.button(key="queue").click().run()
    config = Store(home).runs()[0].config
    assert (config.grad_clip, config.classes_per_batch, config.augment) == (None, 8, "resize_crop")
    assert (config.normalize, config.validation_fraction, config.schedule) == ("standardize", 0.2, "cosine")


def test_train_offers_the_fast_recipe(app, home, nothing_starts):
    opened(app, "train", dataset="cifar10")
    app.selectbox(key="recipe").set_value("fast_cpu").run()
    assert "not comparable with published numbers" in texts(app)
    key = "fast_cpu_fast_cnn_cifar10"
    assert app.selectbox(key=f"schedule_{key}").value == "triangle"
    assert app.checkbox(key=f"nesterov_{key}").value is True
    app.number_input(key=f"bias_{key}").set_value(2.0).run()
    app.button(key="queue").click().run()
    config = Store(home).runs()[0].config
    assert (config.model.name, config.model.params) == ("fast_cnn", {"width": 16})
    assert (config.nesterov, config.schedule, config.warmup) == (True, "triangle", 0.23)
    assert config.norm_bias_lr_factor == 2.0


def test_train_says_what_is_wrong_with_seeds(app, nothing_starts):
    opened(app, "train")
    app.text_input(key="seeds").set_value("one").run()
    assert "seeds must be whole numbers" in app.error[0].value.lower()
    assert not app.exception


def test_clone_starts_from_the_runs_settings(app, home, nothing_starts):
    config = make_config("digits", (1, 8, 8), 1297, loss={"name": "gce", "params": {"q": 0.3}, "max_log_odds": 20.0}, lr=0.02,
                         seed=5, noise={"kind": "pairflip", "rate": 0.25}, milestones=(0.3, 0.9), sampler="class_balanced",
                         classes_per_batch=8, grad_clip=3.0, normalize="mean", validation_fraction=0.15, nesterov=True, schedule="triangle", warmup=0.4,
                         norm_bias_lr_factor=8.0)  # fmt: skip
    (run_id,) = submit(home, [config])
    opened(app, "train", clone=run_id)
    app.button(key="queue").click().run()
    first, second = (run.config for run in Store(home).runs())
    assert first == second


def test_asymmetric_noise_on_cifar_uses_its_look_alikes(app, home, nothing_starts):
    opened(app, "train", dataset="cifar10")
    app.selectbox(key="noise_cifar10_kind").set_value("asymmetric").run()
    app.button(key="queue").click().run()
    config = Store(home).runs()[0].config
    assert config.noise.params["mapping"][:5] == [0, 1, 0, 5, 7]
    assert (config.model.name, config.num_train) == ("small_cnn", 5000)


def test_noise_preview_shows_rates_and_flipped_examples(app):
    opened(app, "datasets")
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Realised rate"] == "38.47 %"
    assert metrics["Flipped labels"] == "499 of 1,297"
    app.selectbox(key="preview_digits_kind").set_value("pairflip").run()
    app.slider(key="preview_digits_rate").set_value(0).run()
    assert "No label changes at this rate" in texts(app)
    app.selectbox(key="dataset").set_value("cifar10").run()
    assert "CIFAR-10 is not here yet" in texts(app)
    assert not app.exception


def test_inspect_links_restore_run_epoch_and_view(app, home):
    choices = {"epochs": 3, "noise": {"rate": 0.4}}
    run_ids = submit(
        home, [make_config("digits", (1, 8, 8), 1297, loss={"name": name}, **choices) for name in ("cce", "imae")]
    )
    wait_until(lambda: all(run.state == "done" for run in Store(home).runs()))
    opened(app, "inspect", run=run_ids[0], epoch="2", source="eval", view="clean_low", example="7")
    assert app.selectbox(key="run").value == run_ids[0]
    assert scope_of(app)["epoch"] == 2
    assert "Corrupted examples are 38 % of the data and get" in finding(app)
    assert "at epoch 1 it was" in finding(app)
    assert "evaluated, epoch 2" in texts(app)
    assert "Nearest neighbours" in texts(app), "the linked example is open"
    app.session_state["epoch"] = 1
    app.run()
    assert "at epoch 1 it was" not in finding(app)
    app.selectbox(key="run").set_value(run_ids[1]).run()
    assert scope_of(app)["epoch"] == 1, "two runs are compared at the same epoch"
    assert "Nearest neighbours" in texts(app)
    assert not app.exception


def test_what_is_marked_on_a_figure_chooses_the_examples(app, home, nothing_starts):
    (run_id,) = submit(home, [make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}, epochs=2, device="cpu")])
    execute(run_folder(home, run_id))
    examples = run_folder(home, run_id).examples()
    opened(app, "inspect", run=run_id, tool="matrix", selection="cell:true:given:3:5")
    count = int(((examples["true_label"] == 3) & (examples["given_label"] == 5)).sum())
    assert f"**{count:,} examples** true 3, given 5" in texts(app)
    assert f"{count} of {count} examples true 3, given 5" in texts(app)
    selected = scope_of(app)["quantities"]["weight"]["populations"]["selected"]
    assert [sum(counts) for counts in selected["counts"]] == [count, count]
    opened(app, "inspect", run=run_id, tool="map")
    app.session_state["selection"] = "region:0,0;1,0;1,1.1;0,1.1"
    app.run()
    assert "**1,297 examples** inside the region" in texts(app)
    app.button(key="clear_selection").click().run()
    assert "inside the region" not in texts(app)
    assert "selected" not in scope_of(app)["quantities"]["weight"]["populations"]


def test_the_gallery_is_sorted_filtered_and_searched(app, home, nothing_starts):
    (run_id,) = submit(home, [make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}, epochs=2, device="cpu")])
    execute(run_folder(home, run_id))
    opened(app, "inspect", run=run_id, view="suspicious")
    app.selectbox(key="sort_by").set_value("aum").run()
    app.selectbox(key="filter_given").set_value(4).run()
    count = int((run_folder(home, run_id).examples()["given_label"] == 4).sum())
    assert f"of {count} examples, highest AUM first" in texts(app)
    app.toggle(key="as_table").set_value(True).run()
    shown = app.dataframe(key="example_table").value
    assert set(shown["given_label"]) == {"4"}
    assert shown["aum"].is_monotonic_decreasing
    app.number_input(key="search_index").set_value(5).run()
    assert app.session_state["example"] == 5
    app.number_input(key="search_index").set_value(99_999).run()
    assert "no training example 99999" in texts(app)


def test_runs_acts_on_the_chosen_ones(app, home, nothing_starts):
    (run_id,) = submit(home, [make_config("digits", (1, 8, 8), 1297)])
    opened(app, "runs")
    assert app.multiselect(key="runs").value == [run_id]
    app.button(key="stop").click().run()
    assert Store(home).get(run_id).stop_wished is not None
    assert "no runner is working" in texts(app)


# -- data of one's own -------------------------------------------------------------------------------------------


@pytest.fixture
def own_table(home):
    path = home.parent / "mine.csv"
    table(60).to_csv(path, index=False)
    import_dataset(home, path, ImportOptions(name="mine"), lambda *_: None)
    return load_dataset(home, "mine")


def test_an_upload_is_imported_in_the_background(app, home):
    opened(app, "datasets")
    content = table(40).to_csv(index=False).encode()
    app.file_uploader(key="upload_file").set_value(("my table.csv", content, "text/csv")).run()
    assert app.text_input(key="upload_name_my-table").value == "my-table"
    app.button(key="upload_go").click().run()
    wait_until(lambda: job_status(home, "my-table").state == "done", 60)
    app.run()
    assert "importing is done" in texts(app)
    assert [path.name for path in (home / "datasets" / ".jobs").glob("*.upload")] == []
    app.button(key="look_my-table").click().run()
    assert "The first 32 of 32 training rows" in texts(app)
    assert "20 % of each class are held out" in texts(app)


def test_a_bad_upload_says_why_and_can_be_dismissed(app, home):
    opened(app, "datasets")
    app.file_uploader(key="upload_file").set_value(("a.csv", b"a,b\n1,2\n", "text/csv")).run()
    app.button(key="upload_go").click().run()
    wait_until(lambda: job_status(home, "a").state == "failed", 60)
    app.run()
    assert "There is no column 'label'" in texts(app)
    app.button(key="dismiss_a").click().run()
    assert "no column" not in texts(app)


def test_a_taken_name_is_refused_before_anything_is_stored(app, home, own_table):
    opened(app, "datasets")
    app.file_uploader(key="upload_file").set_value(("mine.csv", b"a,label\n1,x\n", "text/csv")).run()
    app.button(key="upload_go").click().run()
    assert "There is a data set 'mine' already" in texts(app)
    assert list((home / "datasets" / ".jobs").glob("*.upload")) == []


def test_rename_and_delete(app, home, own_table, nothing_starts):
    opened(app, "datasets", dataset="mine")
    app.text_input(key="rename_to_mine").set_value("yours").run()
    app.button(key="rename").click().run()
    assert is_ready(home, "yours")
    assert app.selectbox(key="dataset").value == "yours"
    config = make_config("yours", (4,), 48, loss={"name": "cce"})
    submit(home, [config])
    app.checkbox(key="delete_sure_yours").check().run()
    app.button(key="delete_dataset").click().run()
    assert "1 run(s) still need yours" in texts(app)
    app.checkbox(key="delete_force").check().run()
    app.button(key="delete_dataset").click().run()
    assert not is_ready(home, "yours")


def test_labels_that_nobody_vouched_for(app, home, own_table, monkeypatch):
    monkeypatch.setenv("IMAE_RUNNER", "external")
    opened(app, "train", dataset="mine")
    assert "The true labels of this data set are not known" in texts(app)
    assert app.slider(key="noise_mine_rate").value == 0
    config = make_config("mine", (4,), 48, loss={"name": "cce"}, epochs=2, device="cpu")
    run_id = submit(home, [config])[0]
    execute(run_folder(home, run_id))
    app = opened(app, "inspect", run=run_id)
    assert "Which labels are wrong is not known" in finding(app)
    assert set(scope_of(app)["quantities"]["weight"]["populations"]) == {"all"}
    assert "corrupted examples" not in texts(app).replace("known corrupted examples", "")
    remove_dataset(home, "mine")
    opened(app, "inspect", run=run_id)
    assert "No pictures: there is no data set 'mine'" in texts(app)


def test_another_data_set_of_the_same_name_is_not_shown_as_the_runs(app, home, own_table, nothing_starts):
    config = make_config("mine", (4,), 48, loss={"name": "cce"}, epochs=1, device="cpu")
    run_id = submit(home, [config])[0]
    execute(run_folder(home, run_id))
    remove_dataset(home, "mine")
    path = home.parent / "other.csv"
    table(60).assign(age=1).to_csv(path, index=False)
    import_dataset(home, path, ImportOptions(name="mine"), lambda *_: None)
    opened(app, "inspect", run=run_id)
    assert "is not the data set that this run was trained on" in texts(app)


def test_a_thousand_classes(app, home, monkeypatch, nothing_starts):
    rows = np.arange(3000)
    path = home.parent / "many.npz"
    np.savez(path, features=np.random.default_rng(0).normal(size=(3000, 5)), labels=rows % 1000)
    import_dataset(home, path, ImportOptions(name="many"), lambda *_: None)
    opened(app, "datasets", dataset="many")
    assert "matrices of 1,000 classes are too large to draw" in texts(app)
    config = make_config("many", (5,), 2000, loss={"name": "imae"}, noise={"rate": 0.2}, epochs=1, device="cpu")
    run_id = submit(home, [config])[0]
    execute(run_folder(home, run_id))
    opened(app, "inspect", run=run_id)
    assert "Corrupted examples are 22 % of the data and get" in finding(app)
    app.segmented_control(key="tool").set_value("matrix").run()
    assert "1,000 classes are too many to draw" in texts(app)
    assert not app.exception
