"""Commands that write runs to files and take them in."""

import pytest

from imae_core.runs.store import Store
from tests.runs.folders import made_up_run
from tests.test_cli import imae


@pytest.fixture
def sweep(home):
    return [made_up_run(home, seed=seed, group="sweep")[0].run_id for seed in (0, 1)]


def test_a_group_goes_out_and_comes_in(home, sweep, tmp_path):
    imae("export", "--group", "sweep", str(tmp_path / "sweep.zip"))
    done = imae("import", str(tmp_path / "sweep.zip"), "--home", str(tmp_path / "other"))
    assert "2 checkpoint(s) were left out" in " ".join(done.stderr.split())
    assert {run.run_id for run in Store(tmp_path / "other").runs()} == set(sweep)
    again = imae("import", str(tmp_path / "sweep.zip"), "--home", str(tmp_path / "other"), check=2)
    assert "nothing is new" in again.stderr


def test_several_runs_by_name(home, sweep, tmp_path):
    pytest.importorskip("tensorboardX")
    imae("export", *sweep, str(tmp_path / "board"), "--to", "tensorboard")
    assert len(list((tmp_path / "board").glob("*/events.out.tfevents.*"))) == 2
    imae("report", *sweep, "--out", str(tmp_path / "report.html"))
    assert (tmp_path / "report.html").stat().st_size > 4_000_000, "the script is in it"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export"], "name the runs and then the file"),
        (["export", "runs.zip"], "name runs by their ids, or a group"),
        (["export", "--group", "sweep", "table.csv"], "one run, got 2"),
        (["export", "--group", "sweep", "x.zip", "--to", "mlflow"], "unknown format for --to 'mlflow'"),
        (["import", "nothing.zip"], "there is no file nothing.zip"),
        (["report", "--group", "sweep", "--out", "report.pdf"], "is written as .html"),
        (["report"], "name runs by their ids, or a group"),
    ],
)
def test_bad_input_is_said(home, sweep, arguments, message):
    assert message in " ".join(imae(*arguments, check=2).stderr.split())
