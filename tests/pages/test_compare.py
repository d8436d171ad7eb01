"""The Compare page: choice by link, group and filters, the table, warnings, and the same examples under two runs."""

import pytest
from streamlit.testing.v1 import AppTest

from imae_core.recipes import make_config
from imae_core.runs.store import Store
from imae_core.runs.submit import create_run
from tests.pages.test_pages import APP, app, nothing_starts, opened, texts  # noqa: F401
from tests.runs.folders import made_up_run
from ui import same_examples

pytestmark = pytest.mark.usefixtures("nothing_starts")


def ids(*runs):
    return ",".join(run.run_id for run, _ in runs)


def frame(app, column):  # noqa: F811
    """The first table that has this column."""
    return next(element.value for element in app.dataframe if column in element.value)


@pytest.fixture
def sweep(home):
    return [made_up_run(home, loss=loss, seed=seed, group="sweep") for loss in ("cce", "imae") for seed in (0, 1)]


def test_the_empty_page_says_what_to_do(app, home):  # noqa: F811
    assert "Overview starts the paper's experiment" in texts(opened(app, "compare"))
    made_up_run(home)
    assert "no two runs to compare yet" in texts(opened(app, "compare")), "one run is nothing to compare"


def test_all_runs_are_compared_in_means_over_seeds(app, sweep):  # noqa: F811
    opened(app, "compare")
    table = frame(app, "final")
    assert list(table.columns) == ["loss", "best", "final", "noisy subset", "clean subset", "hybrid", "runs"]
    assert table["loss"].tolist() == ["CCE", "IMAE"]
    assert table["final"].tolist() == [0.91, 0.91]
    assert table["runs"].tolist() == [2, 2]
    assert "chosen on the test set" in texts(app)
    assert "**loss** CCE, IMAE" in texts(app)
    assert "learning rate" in frame(app, "parameter")["parameter"].tolist()
    app.toggle(key="single").set_value(True).run()
    assert frame(app, "final")["seed"].tolist() == [0, 1, 0, 1]
    assert not app.exception


def test_a_link_chooses_runs_and_a_button_takes_it_back(app, sweep):  # noqa: F811
    opened(app, "compare", runs=ids(*sweep[:2]))
    assert "**2 chosen runs**" in texts(app)
    assert frame(app, "final")["loss"].tolist() == ["CCE"]
    app.button(key="compare_all").click().run()
    assert frame(app, "final")["loss"].tolist() == ["CCE", "IMAE"]
    assert "runs" not in app.query_params


def test_a_link_to_a_group_and_filters(app, home, sweep):  # noqa: F811
    made_up_run(home, loss="gce", group="other")
    opened(app, "compare", group="sweep")
    assert app.selectbox(key="group").value == "sweep"
    assert frame(app, "final")["loss"].tolist() == ["CCE", "IMAE"]
    app.multiselect(key="loss").set_value(["imae"]).run()
    assert "2 runs, 2 of them finished, in 1 rows" in texts(app)
    app.selectbox(key="group").set_value("").run()
    app.multiselect(key="loss").set_value([]).run()
    assert frame(app, "final")["loss"].tolist() == ["CCE", "IMAE", "GCE"]
    assert "group" not in app.query_params


def test_unfinished_runs_are_named_and_in_no_mean(app, home, sweep):  # noqa: F811
    made_up_run(home, loss="imae", seed=2, done=False, group="sweep")
    opened(app, "compare")
    assert "Not finished: 1 stopped" in texts(app)
    table = frame(app, "final")
    assert table["runs"].tolist() == [2, 2]
    assert table["not finished"].tolist() == ["", "1 stopped"]
    assert not app.exception


def test_mixed_data_and_repeated_seeds_are_warned_of(app, home):  # noqa: F811
    for dataset in ("digits", "digits", "mnist"):
        made_up_run(home, dataset=dataset)
    opened(app, "compare")
    assert "These runs mix data sets: digits, mnist" in texts(app)
    assert "The same seeds were run more than once" in texts(app)


def test_too_many_runs_are_cut_with_a_word(app, home):  # noqa: F811
    config = make_config("digits", (1, 8, 8), 1297, epochs=1)
    store = Store(home)
    for _ in range(301):
        store.add(create_run(home, config).run_id, config, executor="local", state="failed")
    opened(app, "compare")
    assert "These are 301 runs; the newest 300 are compared" in texts(app)
    assert "300 runs, 0 of them finished, in 1 rows" in texts(app)


def test_lines_and_map_follow_the_choice(app, sweep):  # noqa: F811
    opened(app, "compare")
    assert app.multiselect(key="lines").value == ["CCE", "IMAE"]
    app.selectbox(key="metric").set_value("noisy_subset_accuracy").run()
    app.multiselect(key="lines").set_value(["IMAE"]).run()
    assert app.multiselect(key="lines").value == ["IMAE"]
    assert not app.exception


def test_the_same_examples_under_two_losses(app, sweep):  # noqa: F811
    opened(app, "compare", a=sweep[0][0].run_id, b=sweep[2][0].run_id)
    assert app.selectbox(key="a").value == sweep[0][0].run_id
    assert "60 examples that both runs saw" in texts(app)
    counts = frame(app, "change")
    assert list(counts.columns) == ["change", "examples", "clean", "corrupted"]
    assert counts["change"].tolist()[0] == "Heavy in CCE, light in IMAE"
    assert app.query_params["b"] == sweep[2][0].run_id


LINKED = ("data", "noise", "loss", "single", "lines", "metric", "a", "b", "source", "axes", "epoch_a", "epoch_b", "change",
          "pair_page")  # fmt: skip


def choices(app):  # noqa: F811
    return {key: app.session_state[key] for key in LINKED}


def test_a_copied_address_reproduces_the_page(app, home, sweep):  # noqa: F811
    made_up_run(home, loss="gce")
    made_up_run(home, dataset="mnist")
    opened(app, "compare")
    app.multiselect(key="data").set_value(["digits"])
    app.multiselect(key="loss").set_value(["imae", "cce"]).run()
    app.toggle(key="single").set_value(True)
    app.multiselect(key="lines").set_value(["IMAE"])
    app.selectbox(key="metric").set_value("hybrid_accuracy")
    app.segmented_control(key="source").set_value("eval")
    app.segmented_control(key="axes").set_value("rank")
    app.select_slider(key="epoch_a").set_value(2)
    app.radio(key="change").set_value("heavy_b").run()
    left = choices(app)
    made_up_run(home, loss="imae", seed=2)
    again = opened(
        AppTest.from_file(APP, default_timeout=30),
        "compare",
        **{key: app.query_params[key] for key in app.query_params},
    )
    assert choices(again) == left
    assert (left["lines"], left["epoch_a"], left["epoch_b"], left["single"]) == (["IMAE"], 2, 3, True)
    assert set(frame(again, "final")["loss"]) == {"CCE", "IMAE"}


def test_lines_of_a_link_are_known_by_their_runs(app, home, sweep):  # noqa: F811
    imae = sweep[2][0].run_id
    made_up_run(home, loss="imae", dataset="mnist")
    opened(app, "compare", lines=imae)
    assert app.multiselect(key="lines").value == ["IMAE · digits"], "what it is called depends on the other runs"
    assert app.query_params["lines"] == imae


def test_a_link_with_nonsense_is_the_usual_page(app, sweep):  # noqa: F811
    nonsense = dict.fromkeys((*LINKED, "group"), "nonsense,7")
    opened(app, "compare", **nonsense)
    assert frame(app, "final")["loss"].tolist() == ["CCE", "IMAE"]
    assert app.multiselect(key="lines").value == ["CCE", "IMAE"]
    assert set(app.query_params) == {"a", "b", "source", "epoch_a", "epoch_b"}


def test_two_runs_with_other_labels_are_refused_in_words(app, sweep):  # noqa: F811
    opened(app, "compare", a=sweep[0][0].run_id, b=sweep[1][0].run_id)
    assert "cannot be compared example by example" in texts(app)
    assert "noise seeds 0 and 1" in texts(app)
    app.selectbox(key="b").set_value(sweep[0][0].run_id).run()
    assert "A and B are the same run" in texts(app)


def test_the_likely_pair_has_the_same_labels_and_another_loss(home, sweep):
    from imae_core.runs.status import all_statuses

    first, second = same_examples._likely_pair(all_statuses(Store(home))[::-1])
    configs = [Store(home).get(run_id).config for run_id in (first, second)]
    assert [config.loss.name for config in configs] == ["cce", "imae"]
    assert configs[0].noise_seed == configs[1].noise_seed
