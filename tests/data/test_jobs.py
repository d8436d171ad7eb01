"""Jobs in processes of their own: two at once, cancelled, killed."""

import json
import os
import signal
import subprocess
import sys

import pytest

from imae_core.data.jobs import all_jobs, cancel_job, job_status, keep_upload, start_job
from imae_core.data.store import is_ready
from imae_core.errors import DatasetError
from tests.conftest import wait_until
from tests.data.imports.files import BAD, pictures, zip_of


def imae(*arguments, home):
    command = [sys.executable, "-m", "imae_core", "datasets", *map(str, arguments), "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def many_pictures(tmp_path):
    return zip_of(tmp_path / "many.zip", pictures(per_class=4000))


def stored(home):
    """Files of data sets, whole or half."""
    return [path for path in (home / "datasets").rglob("*") if path.is_file() and ".jobs" not in path.parts]


def test_an_upload_is_removed_after_its_import(home):
    path = keep_upload(home, "mine", "../../up.zip", zip_of(home / "a.zip", pictures()).read_bytes())
    assert path.parent.parent.name == ".jobs"
    assert path.name == "up.zip"
    start_job(home, "mine", "importing", ["add", str(path), "--name", "mine"])
    wait_until(lambda: job_status(home, "mine").state == "done", 60)
    assert is_ready(home, "mine")
    assert not path.exists()


def test_two_imports_of_one_name_at_once(home, many_pictures):
    start_job(home, "mine", "importing", ["add", str(many_pictures), "--name", "mine"])
    with pytest.raises(DatasetError, match="a job for mine is running already"):
        start_job(home, "mine", "importing", ["add", str(many_pictures), "--name", "mine"])
    wait_until(lambda: job_status(home, "mine").total > 0, 60)
    first = job_status(home, "mine").pid
    os.kill(first, signal.SIGSTOP)  # so that it still works when the second one comes, however slowly that starts
    try:
        second = imae("add", many_pictures, "--name", "mine", home=home)
    finally:
        os.kill(first, signal.SIGCONT)
    assert second.returncode == 2
    assert "another process works on mine already" in second.stderr
    wait_until(lambda: job_status(home, "mine").state == "done", 120)
    assert is_ready(home, "mine")


def test_cancel_in_the_middle(home, many_pictures):
    start_job(home, "mine", "importing", ["add", str(many_pictures), "--name", "mine"])
    wait_until(lambda: job_status(home, "mine").total > 0, 60)
    cancel_job(home, "mine")
    wait_until(lambda: job_status(home, "mine").state == "cancelled", 60)
    assert stored(home) == []


def test_killed_in_the_middle(home, many_pictures):
    start_job(home, "mine", "importing", ["add", str(many_pictures), "--name", "mine"])
    wait_until(lambda: job_status(home, "mine").done > 100, 60)
    os.kill(job_status(home, "mine").pid, signal.SIGKILL)
    wait_until(lambda: job_status(home, "mine").state == "failed", 20)
    assert "gone" in all_jobs(home)[0].message
    assert not is_ready(home, "mine")
    assert imae("add", zip_of(home / "few.zip", pictures()), "--name", "mine", home=home).returncode == 0
    assert len([path for path in (home / "datasets").iterdir() if path.name != ".jobs"]) == 1, "no half-written rest"


@pytest.mark.parametrize("case", ["text named zip", "parent folder", "infinity", "pickled"])
def test_bad_input_at_the_command_line(case, home, tmp_path):
    path = BAD[case][0](tmp_path)
    before = imae("list", "--json", home=home).stdout
    done = imae("add", path, "--name", "mine", home=home)
    assert done.returncode == 2
    assert BAD[case][1] in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("imae: ")] == done.stderr.splitlines()
    assert imae("list", "--json", home=home).stdout == before
    assert [path for path in (home / "datasets").rglob("*") if path.is_file()] == []


def test_add_report_rename_export_and_remove(home, tmp_path):
    path = zip_of(tmp_path / "pets.zip", pictures(10) | {"readme.txt": b"x"})
    added = json.loads(imae("add", path, "--json", home=home).stdout)
    assert added["name"] == "pets"
    assert added["report"]["skipped"][0]["count"] == 1
    assert "left out 1: not a picture" in imae("report", "pets", home=home).stderr
    assert imae("rename", "pets", "animals", home=home).returncode == 0
    assert imae("export", "animals", tmp_path / "out.zip", home=home).returncode == 0
    again = json.loads(imae("add", tmp_path / "out.zip", "--name", "again", "--json", home=home).stdout)
    assert sum(entry["train"] for entry in again["report"]["classes"]) == 16
    assert imae("remove", "animals", home=home).returncode == 0
    listed = json.loads(imae("list", "--json", home=home).stdout)["datasets"]
    assert [record["name"] for record in listed if not record["builtin"]] == ["again"]


def test_tables_and_arrays_come_back_as_they_went(home, tmp_path):
    import numpy as np

    from imae_core.data.store import load_dataset
    from tests.data.imports.files import csv_with, image_arrays, npz

    for path, ending in (
        (csv_with(tmp_path / "t.csv", lambda t: t), ".parquet"),
        (npz(tmp_path / "i.npz", **image_arrays(20)), ".npz"),
    ):
        imae("add", path, "--name", path.stem, home=home)
        target = tmp_path / f"out{ending}"
        assert imae("export", path.stem, target, home=home).returncode == 0
        assert imae("add", target, "--name", f"{path.stem}2", home=home).returncode == 0
        first, second = load_dataset(home, path.stem), load_dataset(home, f"{path.stem}2")
        for split in ("train", "test"):
            np.testing.assert_array_equal(getattr(first, f"{split}_inputs"), getattr(second, f"{split}_inputs"))
            np.testing.assert_array_equal(getattr(first, f"{split}_labels"), getattr(second, f"{split}_labels"))
