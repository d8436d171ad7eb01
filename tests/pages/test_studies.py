"""The Studies page: list, create, open, act, results."""

import pytest

from imae_core.runs.store import Store
from imae_core.studies.store import list_studies, load_study
from tests.pages.test_pages import app, nothing_starts, opened, texts  # noqa: F401
from tests.studies.made_up import accuracy, made_up, small

pytestmark = pytest.mark.usefixtures("nothing_starts")


@pytest.fixture
def finished(home):
    study, cells = small(home)
    for cell in cells:
        made_up(home, cell, final_test_accuracy=accuracy(cell))
    return study


def table(app):  # noqa: F811
    return next(element.value for element in app.dataframe if "loss" in element.value)


def charts(app):  # noqa: F811
    return [element.proto.id for element in app.get("bidi_component")]


def test_the_empty_page_offers_ready_made_studies_and_a_form(app, home):  # noqa: F811
    opened(app, "studies")
    assert "There are no studies yet" in texts(app)
    app.button(key="preset_digits-sensitivity").click().run()
    assert [study.name for study in list_studies(home)] == ["digits-sensitivity"]
    assert app.selectbox(key="study").value == "digits-sensitivity"
    assert "No run has finished yet" in texts(app)
    assert not app.exception


def test_a_study_is_created_by_the_form(app, home):  # noqa: F811
    opened(app, "studies")
    app.text_input(key="study_imae_T").set_value("4, 8").run()
    app.multiselect(key="study_settings").set_value(["lr", "epochs"]).run()
    app.text_input(key="study_set_lr").set_value("0.1, 0.01")
    app.text_input(key="study_set_epochs").set_value("2")
    app.text_input(key="study_seeds").set_value("0 1")
    app.number_input(key="study_budget").set_value(0.5).run()
    assert {metric.label: metric.value for metric in app.metric}["Runs"] == "48", (
        "4 losses x 3 rates x 2 seeds x 2 settings"
    )
    app.text_input(key="study_name").set_value("mine").run()
    app.button(key="create_study").click().run()
    study = load_study(home, "mine")
    assert (study.factors, study.overrides, study.seeds, study.max_hours) == (
        {"lr": (0.1, 0.01)},
        {"epochs": 2},
        (0, 1),
        0.5,
    )
    assert study.design == "one_at_a_time"
    assert "mine" in app.query_params["study"]
    assert not app.exception


def test_bad_input_is_said(app, home):  # noqa: F811
    opened(app, "studies")
    app.text_input(key="study_imae_T").set_value("4, 99").run()
    assert "T must be in [0, 64]" in texts(app)
    app.text_input(key="study_imae_T").set_value("4").run()
    app.text_input(key="study_seeds").set_value("one").run()
    assert "Seeds must be whole numbers" in texts(app)
    assert not app.exception


def test_a_link_opens_a_study_and_its_buttons_act(app, home):  # noqa: F811
    _, cells = small(home)
    made_up(home, cells[0], state="failed")
    opened(app, "studies", study="small")
    assert {metric.label: metric.value for metric in app.metric}["Runs done"] == "0 of 12"
    app.button(key="study_submit").click().run()
    assert len(Store(home).runs("queued")) == 11
    assert "11 run(s) wait, but no runner is working" in texts(app)
    app.button(key="study_stop").click().run()
    assert all(run.stop_wished for run in Store(home).runs("queued"))
    app.button(key="study_resume").click().run()
    assert len(Store(home).runs("queued")) == 12
    assert not app.exception


def test_results_follow_the_metric(app, home, finished):  # noqa: F811
    opened(app, "studies", study="small")
    found = table(app)
    assert found["loss"].tolist() == ["CCE", "IMAE · T 4", "IMAE · T 8"]
    assert found["40 %"].tolist() == pytest.approx([0.625, 0.765, 0.805])
    assert "each of the 4 comparisons by itself" in texts(app)
    assert "IMAE · T 4 over CCE at 40 %: +14.0 points [14.0, 14.0], 2 seeds" in texts(app)
    assert "Mean rank over 4 blocks" in texts(app)
    assert len(charts(app)) == 2, "accuracy against the noise rate, and ranks"
    app.multiselect(key="verdict_b").set_value(["IMAE · T 8"]).run()
    assert "IMAE · T 4 over IMAE · T 8 at 0 %: −4.0 points" in texts(app)
    app.selectbox(key="metric").set_value("noisy_subset_accuracy").run()
    assert table(app)["40 %"].tolist() == pytest.approx([0.1] * 3)
    assert "noisy_subset_accuracy" in app.query_params["metric"]
    app.selectbox(key="metric").set_value("train_accuracy_given").run()
    assert "Mean rank" not in texts(app), "neither direction is better"
    assert not app.exception


def test_settings_have_pictures_and_sentences(app, home):  # noqa: F811
    losses = [{"name": "cce"}, {"name": "mae"}]
    _, cells = small(home, losses=losses, noise_rates=[0.4], factors={"lr": [0.1, 0.01]}, design="one_at_a_time")
    for cell in cells:
        wins = (cell.config.loss.name == "mae") == (cell.config.lr == 0.01)
        made_up(home, cell, final_test_accuracy=0.8 + 0.1 * wins + 0.01 * cell.config.seed)
    opened(app, "studies", study="small")
    assert list(table(app).columns) == ["loss", "usual recipe", "learning rate 0.01"]
    assert "The order turns round with the learning rate: at 0.1 CCE (90.5) is before MAE (80.5)" in texts(app)
    assert len(charts(app)) == 2, "ranks, and one setting"
    assert not app.exception


def test_widen_and_remove(app, home, finished):  # noqa: F811
    opened(app, "studies", study="small")
    app.multiselect(key="widen_rates").set_value([20])
    app.text_input(key="widen_losses").set_value("gce imae:T=16")
    app.button(key="widen").click().run()
    assert {metric.label: metric.value for metric in app.metric}["Runs done"] == "12 of 30"
    app.button(key="remove_study").click().run()
    assert list_studies(home) == []
    assert len(Store(home).runs("done")) == 12, "its runs stay"
    assert "There are no studies yet" in texts(app)


def test_the_list_shows_progress(app, home, finished):  # noqa: F811
    opened(app, "studies")
    listed = next(element.value for element in app.dataframe if "Study" in element.value)
    assert listed["Runs"].tolist() == ["12 of 12 runs done"]
    assert listed["Done"].tolist() == [100]


def test_a_value_is_chosen_without_clean_labels_where_rows_were_held_out(app, home):  # noqa: F811
    overrides = {"epochs": 1, "device": "cpu", "validation_fraction": 0.2}
    _, cells = small(home, losses=[{"name": "imae", "params": {"T": [4, 8]}}], noise_rates=[0.4], overrides=overrides)
    for cell in cells:
        t = cell.config.loss.params["T"]
        made_up(
            home,
            cell,
            final_test_accuracy=accuracy(cell),
            validation_accuracy_given=0.5 + t / 100 + cell.config.seed / 50,
        )
    opened(app, "studies", study="small")
    assert "Choosing a value without clean labels" in texts(app)
    assert "T = 8 is chosen" in texts(app)
