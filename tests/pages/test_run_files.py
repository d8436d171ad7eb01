"""The Runs page: reports and zips of the chosen runs, and runs from elsewhere."""

import io
import zipfile

import pytest

from imae_core.runs.export import export_runs
from imae_core.runs.store import Store
from tests.pages.test_pages import app, nothing_starts, opened, texts  # noqa: F401
from tests.runs.folders import made_up_run
from ui import run_files


@pytest.fixture
def elsewhere(tmp_path):
    """Runs of another home, packed."""
    other = tmp_path / "other"
    (other / "runs").mkdir(parents=True)
    export_runs([made_up_run(other, seed=seed) for seed in (0, 1)], tmp_path / "runs.zip")
    return (tmp_path / "runs.zip").read_bytes()


def test_buttons_offer_the_chosen_runs(app, home, nothing_starts, monkeypatch):  # noqa: F811
    offered = {}

    def offer(label, data, file_name, mime, **_):
        offered[label] = (data, file_name)

    monkeypatch.setattr(run_files.st, "download_button", offer)
    runs = [made_up_run(home, seed=seed, group="my sweep") for seed in (0, 1)]
    other, _ = made_up_run(home)
    ids = [run.run_id for run, _ in runs]
    opened(app, "runs", runs=",".join(ids))
    build, name = offered["Report"]
    assert name == "my-sweep.html"
    report = build().decode()
    assert all(run_id in report for run_id in ids)
    assert other.run_id not in report
    build, name = offered["Zip"]
    names = zipfile.ZipFile(io.BytesIO(build())).namelist()
    assert {entry.partition("/")[0] for entry in names} == {*ids, "runs.json"}
    assert name == "my-sweep.zip"


def test_a_zip_is_taken_in_on_an_empty_page(app, home, elsewhere, nothing_starts):  # noqa: F811
    opened(app, "runs")
    app.file_uploader(key="import_runs_file").set_value(("runs.zip", elsewhere, "application/zip")).run()
    app.button(key="import_runs").click().run()
    assert not app.exception
    assert [run.executor for run in Store(home).runs()] == ["imported"] * 2
    assert sorted(app.multiselect(key="runs").value) == sorted(run.run_id for run in Store(home).runs())
    assert any("checkpoint(s) were left out" in toast.value for toast in app.toast)


def test_a_file_that_is_none_is_said(app, home, nothing_starts):  # noqa: F811
    opened(app, "runs")
    app.file_uploader(key="import_runs_file").set_value(("runs.zip", b"PK nothing", "application/zip")).run()
    app.button(key="import_runs").click().run()
    assert "is no zip that can be read" in app.error[0].value
    assert not Store(home).runs()
