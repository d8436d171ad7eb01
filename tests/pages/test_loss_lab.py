"""The Loss lab by Streamlit's own test driver: curves, links, formulas and their errors, sweeps, what a run would say."""

import json

import numpy as np
import pytest

from imae_core.analysis.weights import weight_share
from imae_core.curves import CURVES, curve_on
from imae_core.recipes import make_config
from imae_core.runs.execute import execute
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder, submit
from tests.pages.test_pages import app, nothing_starts, opened, texts  # noqa: F401


def link(*curves):
    return json.dumps(curves)


def figure(app, key):  # noqa: F811
    """The Plotly figure that a chart was given."""
    found = [json.loads(e.proto.json) for e in app.get("bidi_component") if e.proto.component_name == "imae_chart"]
    return json.loads(next(data["figure"] for data in found if data["name"] == key))


def lines(app, key="lab_figure"):  # noqa: F811
    """Names of the lines, and their y."""
    return {trace["name"]: trace["y"] for trace in figure(app, key)["data"] if trace["type"] == "scatter"}


def decoded(values):
    """Plotly writes arrays as base64."""
    import base64

    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return np.asarray(values, dtype=float)


@pytest.fixture
def run(home, app, nothing_starts):  # noqa: F811
    (run_id,) = submit(home, [make_config("digits", (1, 8, 8), 1297, noise={"rate": 0.4}, epochs=2, device="cpu")])
    execute(run_folder(home, run_id))
    return run_folder(home, run_id)


def test_without_runs_it_shows_the_papers_three_under_uniform_p(app):  # noqa: F811
    opened(app, "loss_lab")
    assert list(lines(app)) == ["CCE", "MAE", "IMAE"]
    table = app.dataframe[0].value
    assert [round(value, 2) for value in table["uniform_variance"]] == [0.33, 0.09, 4.55]
    assert "share" not in table
    assert "Runs that you train can be chosen here" in texts(app)
    sweep = lines(app, "lab_sweep_figure")
    assert list(sweep) == [f"T = {T:g}" for T in (0, 0.5, 1, 2, 4, 8, 16)]


def test_a_parameter_moves_its_curve_and_the_link(app):  # noqa: F811
    opened(app, "loss_lab", curves=link(["imae", {"T": 8}], ["imae", {"T": 12}]))
    assert list(lines(app)) == ["IMAE", "IMAE (T=12)"]
    app.slider(key="lab_1_T").set_value(4.0).run()
    found = decoded(lines(app)["IMAE (T=4)"])
    assert found.max() == pytest.approx(np.e)
    assert json.loads(app.query_params["curves"]) == [["imae", {}], ["imae", {"T": 4.0}]]
    app.toggle(key="lab_normalised").set_value(True).run()
    p = np.linspace(0, 1, 403)[1:-1]
    mean = np.mean(curve_on("imae", np.linspace(0, 1, 20_001), T=4.0))
    np.testing.assert_allclose(decoded(lines(app)["IMAE (T=4)"]), curve_on("imae", p, T=4.0) / mean, rtol=1e-3)


@pytest.mark.parametrize("view", ["value", "dL_dp", "dL_ds", "d2L_ds2"])
def test_value_and_derivatives(app, view):  # noqa: F811
    opened(app, "loss_lab")
    app.segmented_control(key="lab_view").set_value(view).run()
    assert not app.exception
    found = {name: decoded(y) for name, y in lines(app).items()}
    assert all(np.isfinite(y).all() for y in found.values())
    if view == "dL_dp":
        np.testing.assert_allclose(found["MAE"], 2)


def test_adding_the_same_loss_again_and_removing_it(app):  # noqa: F811
    opened(app, "loss_lab", curves=link(["mae", {}]))
    for _ in range(2):
        app.selectbox(key="lab_add").set_value("gce").run()
        app.button(key="lab_add_go").click().run()
    assert list(lines(app)) == ["MAE", "GCE", "GCE #2"]
    app.button(key="lab_remove_0").click().run()
    app.button(key="lab_remove_1").click().run()
    assert list(lines(app)) == ["GCE"]
    app.button(key="lab_remove_2").click().run()
    assert "Add a curve on the left" in texts(app)


def test_a_formula_is_drawn_as_it_is_typed_and_says_what_is_wrong(app):  # noqa: F811
    opened(app, "loss_lab", curves=link(["mae", {}], ["formula", {"formula": "exp(T*p*(1-p)); T = 4"}]))
    np.testing.assert_allclose(decoded(lines(app)["Formula (exp(T·p·(1-p)); T = 4)"]).max(), np.e)
    app.number_input(key="lab_1_formula_T").set_value(8.0).run()
    assert app.text_input(key="lab_1_formula").value == "exp(T*p*(1-p)); T = 8"
    assert decoded(lines(app)["Formula (exp(T·p·(1-p)); T = 8)"]).max() == pytest.approx(np.exp(2))
    app.text_input(key="lab_1_formula").set_value("2*x").run()
    assert "character 3: unknown name 'x'" in app.error[0].value
    assert list(lines(app)) == ["MAE"], "the others stay"
    app.text_input(key="lab_1_formula").set_value("p - 0.5").run()
    assert "at p = 0 it is -0.5" in app.error[0].value
    app.text_input(key="lab_1_formula").set_value("2*(1-p)^0.7").run()
    assert not app.error
    assert list(lines(app)) == ["MAE", "Formula (2·(1-p)^0.7)"]


def test_a_formulas_constant_can_be_swept(app):  # noqa: F811
    opened(app, "loss_lab", curves=link(["formula", {"formula": "exp(a*p*(1-p)); a = 4"}]))
    app.text_input(key="lab_sweep_values_0_a").set_value("0, 8").run()
    found = lines(app, "lab_sweep_figure")
    assert decoded(found["a = 8"]).max() == pytest.approx(np.exp(2))
    np.testing.assert_allclose(decoded(found["a = 0"]), 1)
    app.text_input(key="lab_sweep_values_0_a").set_value("0; 8").run()
    assert "The values of a sweep are numbers" in app.error[0].value


def test_a_sweep_outside_of_the_range_says_so(app):  # noqa: F811
    opened(app, "loss_lab")
    app.text_input(key="lab_sweep_values_2_T").set_value("0, 99").run()
    assert "T must be in [0, 64], got 99" in app.error[0].value


def test_what_a_curve_would_do_to_a_runs_examples(app, run):  # noqa: F811
    curves = link(["cce", {}], ["imae", {"T": 12}])
    opened(app, "loss_lab", run=run.run_id, source="eval", epoch="1", curves=curves)
    dynamics, labels = run.dynamics("eval", 1), run.examples()
    p = dynamics["p_label"].to_numpy(dtype=float)
    own = weight_share(dynamics["weight"], labels["is_corrupted"]).weight_share
    would = weight_share(CURVES["imae"](p, 1 - p, T=12.0), labels["is_corrupted"]).weight_share
    shown = texts(app)
    assert (
        f"With **IMAE (T=12)** corrupted examples would get {100 * would:.0f} % instead of {100 * own:.0f} %" in shown
    )
    assert f"**CCE**, the run's own loss, gives corrupted examples {100 * own:.0f} % of the weight" in shown
    assert "Every p is held as the run's own loss had made it" in shown
    table = app.dataframe[0].value
    assert table["share"].iloc[1] == pytest.approx(100 * would)
    corrupted = labels["is_corrupted"].to_numpy()
    assert table["corrupted_mean"].iloc[0] == pytest.approx((2 * (1 - p[corrupted])).mean())
    names = [trace["name"] for trace in figure(app, "lab_figure")["data"]]
    assert names[:2] == ["clean examples (right)", "corrupted examples (right)"]
    app.select_slider(key="lab_epoch").set_value(2).run()
    assert app.query_params["epoch"] == "2"
    assert "weighed otherwise in epoch 2" in texts(app)


@pytest.mark.parametrize(
    ("text", "message"),
    [("nonsense", "the curves in this link are not understood"), ('[["ima",{}]]', "unknown loss 'ima'"),
     ('[["formula",{"formula":"p.real"}]]', "character 1")],
)  # fmt: skip
def test_a_bad_link_says_so(app, text, message):  # noqa: F811
    opened(app, "loss_lab", curves=text)
    assert message.lower() in app.error[0].value.lower()
    assert not app.exception


@pytest.mark.parametrize(
    ("loss", "params"),
    [("imae", {"T": 12.0}), ("formula", {"formula": "2*(1-p)^0.7"}),
     ("drawn", {"points": [[0.0, 1.0], [0.4, 3.0], [1.0, 0.5]], "smooth": 0})],
)  # fmt: skip
def test_train_starts_with_the_linked_loss(app, home, nothing_starts, loss, params):  # noqa: F811
    opened(app, "train", curves=link([loss, params]))
    assert app.multiselect(key="losses").value == [loss]
    app.button(key="queue").click().run()
    (config,) = [run.config for run in Store(home).runs()]
    assert (config.loss.name, config.loss.params) == (loss, params)


def test_train_takes_a_typed_formula_and_refuses_a_bad_one(app, home, nothing_starts):  # noqa: F811
    opened(app, "train")
    app.multiselect(key="losses").set_value(["formula"]).run()
    app.text_input(key="loss_formula_formula").set_value("2*(1-p").run()
    assert "Formula, character" in app.error[0].value
    app.text_input(key="loss_formula_formula").set_value("2*(1-p)").run()
    app.button(key="queue").click().run()
    assert Store(home).runs()[0].config.loss.params == {"formula": "2*(1-p)"}


def test_a_clone_of_a_drawn_loss_has_its_points(app, home, nothing_starts):  # noqa: F811
    params = {"points": [[0.0, 2.0], [1.0, 1.0]], "smooth": 1}
    (run_id,) = submit(home, [make_config("digits", (1, 8, 8), 1297, loss={"name": "drawn", "params": params})])
    opened(app, "train", clone=run_id)
    app.button(key="queue").click().run()
    first, second = (run.config for run in Store(home).runs())
    assert first == second
