"""Pages by Streamlit's own test driver: empty states, forms, links; no browser."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from imae_core.recipes import make_config
from imae_core.runs.store import Store
from imae_core.runs.submit import submit
from tests.conftest import wait_until

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
    app.run()
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def texts(app):
    parts = [*app.markdown, *app.caption, *app.info, *app.error, *app.warning, *app.title, *app.subheader]
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
    app.slider(key="noise_rate").set_value(20).run()
    app.selectbox(key="noise_kind").set_value("pairflip").run()
    app.text_input(key="seeds").set_value("0, 1").run()
    assert {metric.label: metric.value for metric in app.metric}["Runs"] == "4"
    app.button(key="queue").click().run()
    configs = [run.config for run in Store(home).runs()]
    assert {(c.loss.name, c.seed) for c in configs} == {("imae", 0), ("imae", 1), ("gce", 0), ("gce", 1)}
    assert {c.noise.kind for c in configs} == {"pairflip"}
    assert {c.noise.rate for c in configs} == {0.2}
    assert {c.loss.params.get("T") for c in configs if c.loss.name == "imae"} == {4.0}


def test_train_says_what_is_wrong_with_seeds(app, nothing_starts):
    opened(app, "train")
    app.text_input(key="seeds").set_value("one").run()
    assert "seeds must be whole numbers" in app.error[0].value.lower()
    assert not app.exception


def test_clone_starts_from_the_runs_settings(app, home, nothing_starts):
    config = make_config("digits", (1, 8, 8), 1297, loss={"name": "gce", "params": {"q": 0.3}}, lr=0.02, seed=5,
                         noise={"kind": "pairflip", "rate": 0.25})  # fmt: skip
    (run_id,) = submit(home, [config])
    opened(app, "train", clone=run_id)
    app.button(key="queue").click().run()
    first, second = (run.config for run in Store(home).runs())
    assert first == second


def test_asymmetric_noise_on_cifar_uses_its_look_alikes(app, home, nothing_starts):
    opened(app, "train", dataset="cifar10")
    app.selectbox(key="noise_kind").set_value("asymmetric").run()
    app.button(key="queue").click().run()
    config = Store(home).runs()[0].config
    assert config.noise.params["mapping"][:5] == [0, 1, 0, 5, 7]
    assert (config.model.name, config.num_train) == ("small_cnn", 5000)


def test_noise_preview_shows_rates_and_flipped_examples(app):
    opened(app, "datasets")
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Realised rate"] == "38.47 %"
    assert metrics["Flipped labels"] == "499 of 1,297"
    app.selectbox(key="preview_kind").set_value("pairflip").run()
    app.slider(key="preview_rate").set_value(0).run()
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
    assert app.select_slider(key="epoch").value == 2
    assert "Corrupted examples are 38 % of the data and get" in texts(app)
    assert "at epoch 1 it was" in texts(app)
    assert "evaluated, epoch 2" in texts(app)
    assert "Example 7" in texts(app)
    app.select_slider(key="epoch").set_value(1).run()
    assert "at epoch 1 it was" not in texts(app)
    app.selectbox(key="run").set_value(run_ids[1]).run()
    assert app.select_slider(key="epoch").value == 1, "two runs are compared at the same epoch"
    assert "Example 7" in texts(app)
    assert not app.exception


def test_runs_acts_on_the_chosen_ones(app, home, nothing_starts):
    (run_id,) = submit(home, [make_config("digits", (1, 8, 8), 1297)])
    opened(app, "runs")
    assert app.multiselect(key="runs").value == [run_id]
    app.button(key="stop").click().run()
    assert Store(home).get(run_id).stop_wished is not None
    assert "no runner is working" in texts(app)
