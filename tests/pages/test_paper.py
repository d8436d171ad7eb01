"""The Paper page: published numbers without runs, ours beside them, the queue, figures, links."""

import pytest
from streamlit.testing.v1 import AppTest

from imae_core.paper import PRESETS, experiments
from imae_core.runs.store import Store
from tests.pages.test_compare import frame
from tests.pages.test_pages import APP, app, nothing_starts, opened, texts  # noqa: F401
from tests.paper.test_compare import finished, table6_runs
from tests.paper.test_presets import stand_in
from tests.runs.folders import made_up_run

pytestmark = pytest.mark.usefixtures("nothing_starts")


def html(app):  # noqa: F811
    return "\n".join(element.proto.body for element in app.get("html"))


def charts(app):  # noqa: F811
    return {element.proto.json for element in app.get("bidi_component")}


def test_the_empty_page_shows_what_was_published(app, home):  # noqa: F811
    opened(app, "paper", preset="table6")
    assert "only the published numbers are shown" in texts(app)
    assert "final version, Table 6" in texts(app)
    assert "<td>ResNet56</td>" in html(app)
    assert "52.0" in html(app)
    assert "71.5" not in html(app), "numbers of the other version"
    app.selectbox(key="preset").set_value("table2").run()
    assert "71.5" in html(app)
    assert "August 2019 version (v4), Table 2" in texts(app)
    assert app.query_params["preset"] == "table2"
    assert not app.exception


@pytest.mark.parametrize("name", list(PRESETS))
@pytest.mark.parametrize("view", ["numbers", "runs"])
def test_every_preset_opens(app, home, name, view):  # noqa: F811
    opened(app, "paper", preset=name, view=view)
    assert app.selectbox(key="preset").value == name
    if PRESETS[name].scaled_down:
        assert "Not comparable: scaled down" in texts(app)


def test_ours_stand_below_with_their_difference_and_variant(app, home):  # noqa: F811
    table6_runs(home, finals=(0.65, 0.77, 0.83))
    opened(app, "paper", preset="table6")
    assert "<span class='of'>84.0</span><br>83.0<span class='d'" in html(app)
    assert ">-1.0</span>" in html(app)
    assert "ours (CIFAR-10 (official files)) below" in texts(app)
    table = frame(app, "verdict")
    row = table[(table["metric"] == "final") & (table["net and noise"] == "ResNet20, symmetric 40 %")].iloc[0]
    assert row["verdict"] == "✓ holds"


def test_the_data_set_with_runs_is_chosen_and_named(app, home):  # noqa: F811
    name = stand_in(home)
    table6_runs(home, dataset=name)
    opened(app, "paper", preset="table6")
    assert app.selectbox(key="dataset").value == name
    assert "cifar10-jpeg (JPEG variant) stands in for CIFAR-10 (official files)" in texts(app)
    app.selectbox(key="dataset").set_value("cifar10").run()
    assert "only the published numbers are shown" in texts(app)


def test_the_button_queues_what_is_missing(app, home):  # noqa: F811
    opened(app, "paper", preset="digits", view="runs")
    app.text_input(key="paper_seeds").set_value("0, 1").run()
    app.button(key="paper_queue").click().run()
    runs = Store(home).runs()
    assert len(runs) == 18
    assert {run.config.seed for run in runs} == {0, 1}
    again = opened(AppTest.from_file(APP, default_timeout=30), "paper", preset="digits", view="runs")
    assert "9 queued" in texts(again)
    assert again.button(key="paper_queue").disabled


def test_seeds_that_are_none_are_said(app, home):  # noqa: F811
    opened(app, "paper", preset="digits", view="runs")
    app.text_input(key="paper_seeds").set_value("one").run()
    assert "Seeds must be whole numbers" in texts(app)


def test_all_presets_are_listed_with_their_protocol(app, home):  # noqa: F811
    opened(app, "paper", view="runs")
    table = frame(app, "protocol")
    assert len(table) == len(PRESETS)
    row = table[table["experiments"] == PRESETS["table6"].title].iloc[0]
    assert (row["here"], row["time for the rest"]) == ("18 missing", "known after the first epoch")
    assert "He recipe" in row["protocol"]


def test_curve_figures_need_no_runs(app, home):  # noqa: F811
    opened(app, "paper", view="figures")
    assert "These need a finished run" in texts(app)
    assert len(charts(app)) == 3


def test_figures_of_runs_name_them_and_their_examples(app, home):  # noqa: F811
    _, folder = made_up_run(home, loss="imae")
    config = experiments(home, PRESETS["digits"], only=["imae", "40"])[0].config
    run_id = finished(home, config)
    for file in ("metrics.arrow", "histograms.arrow"):
        (home / "runs" / run_id / file).write_bytes((folder.path / file).read_bytes())
    opened(app, "paper", preset="digits", view="figures")
    assert "Digits, IMAE (T = 8): 1 run(s)" in texts(app)
    assert f"IMAE (T = 8) `{run_id}`), 40 clean, 20 corrupted training examples" in texts(app)
    assert len(charts(app)) == 3 + 3 + 1


def test_what_has_no_preset_is_shown_too(app, home):  # noqa: F811
    opened(app, "paper", view="other")
    assert "GoogLeNet V2" in html(app)
    assert "Clothing1M" in texts(app)
