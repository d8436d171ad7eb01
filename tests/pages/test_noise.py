"""Noise on the pages: controls for every kind, the preview, human labels, and the pictures that a run saw."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from imae_core.catalog import NOISES
from imae_core.data.jobs import job_status
from imae_core.data.store import load_dataset, remove_dataset, save_dataset
from imae_core.recipes import make_config
from imae_core.reports.content import run_content
from imae_core.runs.data import run_dataset, run_inputs
from imae_core.runs.execute import execute
from imae_core.runs.status import run_status
from imae_core.runs.store import Store
from imae_core.runs.submit import run_folder, submit
from tests.conftest import wait_until
from tests.data.imports.test_label_arrays import ARRAYS, WORSE, torch_zip
from tests.noise.test_inputs import photos, table
from tests.pages.test_pages import APP, app, nothing_starts, opened, texts  # noqa: F401
from ui.gallery import picture_address
from ui.inspect.view import RunView
from ui.noise_preview import class_counts

OFFERED = [name for name in NOISES if name != "superclass_swap"]


def new_app():
    """A browser that was nowhere yet."""
    return AppTest.from_file(APP, default_timeout=30)


def metrics(app):  # noqa: F811
    return {metric.label: metric.value for metric in app.metric}


def test_every_kind_has_its_preview(app, home):  # noqa: F811
    save_dataset(home, photos(800))
    opened(app, "datasets")
    assert app.selectbox(key="preview_digits_kind").options == [NOISES[name].title for name in OFFERED]
    for kind in OFFERED:
        app.selectbox(key="preview_digits_kind").set_value(kind).run()
        assert not app.exception, (kind, app.exception)
        assert not app.error, (kind, app.error)
        assert metrics(app)["Realised rate"] not in ("0.00 %", "–"), kind
        what = "Changed inputs" if NOISES[kind].changes_inputs else "Flipped labels"
        assert metrics(app)[what].endswith(" of 1,297")
        assert NOISES[kind].summary in texts(app)


def test_what_makes_no_sense_for_a_table_is_not_offered(app, home):  # noqa: F811
    save_dataset(home, table())
    opened(app, "datasets", dataset="table")
    options = app.selectbox(key="preview_table_kind").options
    assert "Open set" not in options
    assert "Blocks of five (legacy)" not in options, "three classes"
    app.selectbox(key="preview_table_kind").set_value("feature").run()
    assert not app.exception
    assert metrics(app)["Changed inputs"].endswith(" of 300")
    app.selectbox(key="preview_table_feature_method").set_value("blur").run()
    assert "only pictures can be blurred" in app.error[0].value.lower()


def test_train_queues_the_noise_that_it_shows(app, home, nothing_starts):  # noqa: F811
    save_dataset(home, photos())
    opened(app, "train")
    app.selectbox(key="noise_digits_kind").set_value("feature").run()
    app.selectbox(key="noise_digits_feature_method").set_value("blur").run()
    app.number_input(key="noise_digits_feature_radius").set_value(2.0).run()
    app.multiselect(key="losses").set_value(["cce"]).run()
    app.button(key="queue").click().run()
    opened(app, "train")
    app.selectbox(key="noise_digits_kind").set_value("open_set").run()
    app.button(key="queue").click().run()
    feature, open_set = sorted((run.config.noise for run in Store(home).runs()), key=lambda noise: noise.kind)[:2]
    assert feature.params == {"method": "blur", "radius": 2.0, "sigma": 0.38}
    assert open_set.source == "photos"


def test_open_set_noise_asks_for_a_second_data_set(app, nothing_starts):  # noqa: F811
    opened(app, "train")
    app.selectbox(key="noise_digits_kind").set_value("open_set").run()
    assert "there is no other data set with pictures here" in app.error[0].value.lower()


def test_human_labels_come_in_by_upload(app, home):  # noqa: F811
    opened(app, "datasets")
    app.file_uploader(key="labels_file").set_value(("human.pt", torch_zip(ARRAYS), "application/zip")).run()
    assert app.selectbox(key="labels_column").options == ["worse_label", "aggre_label"]
    app.button(key="labels_go").click().run()
    wait_until(lambda: job_status(home, "digits-human-worse_label").state == "done")
    np.testing.assert_array_equal(load_dataset(home, "digits-human-worse_label").train_labels, WORSE)
    app.file_uploader(key="labels_file").set_value(("evil.pt", b"PK\x03\x04 nothing", "application/zip")).run()
    assert "evil.pt is a damaged zip" in app.error[0].value.lower()


@pytest.mark.parametrize("kind", ["open_set", "feature"])
def test_inspect_shows_what_the_run_saw(app, home, nothing_starts, kind):  # noqa: F811
    save_dataset(home, photos())
    params = {"source": "photos"} if kind == "open_set" else {}
    config = make_config(
        "digits", (1, 8, 8), 1297, noise={"kind": kind, "rate": 0.5, "params": params}, epochs=1, num_train=60
    )
    (run_id,) = submit(home, [config])
    folder = run_folder(home, run_id)
    execute(folder)
    view = RunView(run_status(home, Store(home).get(run_id)), "eval", 1)
    inputs = run_inputs(folder, run_dataset(folder))
    row = int(np.flatnonzero(view.column("is_corrupted"))[0])
    assert view.known
    assert view.picture(row) == picture_address(np.asarray(inputs[row]), 1 / 16)
    stored = load_dataset(home, "digits").train_inputs[view.column("index")[row]]
    assert view.picture(row) != picture_address(stored, 1 / 16)
    assert ("true no class" in view.card(row).lines) == (kind == "open_set")
    assert view.kind(row) == "corrupted"


@pytest.mark.parametrize("kind", ["open_set", "feature"])
def test_all_pages_look_at_a_run_with_noise_on_inputs(app, home, nothing_starts, kind):  # noqa: F811
    save_dataset(home, photos())
    params = {"source": "photos"} if kind == "open_set" else {}
    run_ids = submit(
        home,
        [
            make_config("digits", (1, 8, 8), 1297, noise={"kind": kind, "rate": 0.5, "params": params}, epochs=2,
                        num_train=200, loss={"name": loss})
            for loss in ("cce", "mae")
        ],
    )  # fmt: skip
    for run_id in run_ids:
        execute(run_folder(home, run_id))
        Store(home).transition(run_id, ("queued",), "done", finished=1.0)
    first, examples = run_ids[0], run_folder(home, run_ids[0]).examples()
    opened(app, "inspect", run=first)
    assert f"{examples['is_corrupted'].sum():,} corrupted" in texts(app)
    for step in ("review", "estimates", "repair"):
        opened(app, "clean_labels", run=first, step=step)
        if step == "review":
            app.toggle(key="review_reveal").set_value(True).run()
            assert not app.exception, app.exception
    opened(app, "compare", runs=",".join(run_ids))
    content = run_content(Store(home).get(first), run_folder(home, first))
    assert all(card.picture for card in content.suspects)
    assert any("true no class" in card.lines for card in content.suspects) == (kind == "open_set")
    if kind == "open_set":
        remove_dataset(home, "photos")
        assert "No pictures: there is no data set 'photos'" in texts(opened(new_app(), "inspect", run=first))


def test_counts_by_class_say_who_is_called_what():
    from imae_core.noise import corrupt_labels

    noise = corrupt_labels([0, 0, 1, 1], 2, "pairflip", 1.0)
    counts = class_counts(noise, ("a", "b"))
    assert counts.to_dict("list") == {
        "class": ["a", "b"], "true": [2, 2], "true, corrupted": [2, 2], "given": [2, 2], "given, corrupted": [2, 2],
    }  # fmt: skip
